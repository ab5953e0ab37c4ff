import { z } from "zod";
import { LoggedEvent } from "#contract/logged-event.ts";
import { Run } from "#contract/run.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { list } from "#http/envelope.ts";
import { type Place, placeOf } from "#http/place.ts";
import { paging } from "#http/queries.ts";
import { notThere } from "#http/start-run.ts";
import { eventsPage } from "./events.ts";
import { ResourceRunsQuery, runsPage } from "./runs.ts";

/** What happened to a cluster or a virtual machine, and its runs. */

const EventsQuery = z.strictObject({ limit: paging.limit, cursor: paging.cursor });

export interface HistoryOf<Params extends z.ZodObject> {
  readonly type: "cluster" | "vm";
  /** In words, with its article. */
  readonly words: string;
  readonly tag: string;
  readonly path: string;
  readonly params: Params;
  readonly idOf: (params: z.output<Params>) => string;
  readonly stored: (id: string, place: Place) => Promise<object | null>;
}

export function historyRoutes<Params extends z.ZodObject>(
  deps: ApiDependencies,
  { type, words, tag, path, params, idOf, stored }: HistoryOf<Params>,
): Route[] {
  const only = async <Page>(asked: z.output<Params>, page: Promise<Page>): Promise<Page> => {
    const id = idOf(asked);
    const place = placeOf(asked as unknown as Place, deps.region);
    const [found, read] = await Promise.all([stored(id, place), page]);
    if (found === null) throw notThere(type, id);
    return read;
  };
  const shared = { method: "get", tag, access: "key", params, refusals: ["NOT_FOUND"] } as const;
  return [
    route(
      {
        ...shared,
        path: `${path}/events`,
        summary: `Read the facts of ${words}`,
        description: "What happened to it, newest first, each with the run that caused it.",
        query: EventsQuery,
        answers: { 200: { description: "A page of facts", schema: list(LoggedEvent) } },
      },
      async (call) =>
        only(call.params, eventsPage(deps, { resource: idOf(call.params) }, call.query)),
    ),
    route(
      {
        ...shared,
        path: `${path}/runs`,
        summary: `List the runs of ${words}`,
        query: ResourceRunsQuery,
        answers: { 200: { description: "A page of runs, newest first", schema: list(Run) } },
      },
      async (call) =>
        only(call.params, runsPage(deps, { ...call.query, resourceId: idOf(call.params) })),
    ),
  ];
}
