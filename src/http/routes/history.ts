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
import type { Shown } from "./reading.ts";
import { ResourceRunsQuery, runsPage } from "./runs.ts";

/** What happened to a resource, and its runs: alike for every kind. */

const EventsQuery = z.strictObject({ limit: paging.limit, cursor: paging.cursor });

/** A kind of resource whose history is shown. `stored`: null when there is none of this id. */
export interface Remembered<Params extends z.ZodObject> extends Shown<Params> {
  readonly stored: (id: string, place: Place) => Promise<object | null>;
}

/** The page, if what it is about is there. */
async function only<Params extends z.ZodObject, Page>(
  { region }: Pick<ApiDependencies, "region">,
  { type, idOf, stored }: Remembered<Params>,
  { asked, page }: { readonly asked: z.output<Params>; readonly page: () => Promise<Page> },
): Promise<Page> {
  const id = idOf(asked);
  const place = placeOf(asked as unknown as Place, region);
  const [found, read] = await Promise.all([stored(id, place), page()]);
  if (found === null) throw notThere(type, id);
  return read;
}

const sharedBy = <Params extends z.ZodObject>({ tag, params }: Remembered<Params>) =>
  ({ method: "get", tag, access: "key", params, refusals: ["NOT_FOUND"] }) as const;

export const eventsRoute = <Params extends z.ZodObject>(
  deps: ApiDependencies,
  kind: Remembered<Params>,
): Route =>
  route(
    {
      ...sharedBy(kind),
      path: `${kind.path}/events`,
      summary: `Read a ${kind.noun}'s facts`,
      description: `What happened to the ${kind.noun}, newest first${kind.type === "pool" ? "" : ", each with the run that caused it"}.`,
      query: EventsQuery,
      answers: { 200: { description: "A page of facts", schema: list(LoggedEvent) } },
    },
    async ({ params: asked, query }) =>
      only(deps, kind, {
        asked,
        page: () => eventsPage(deps, { resource: kind.idOf(asked) }, query),
      }),
  );

export const runsRoute = <Params extends z.ZodObject>(
  deps: ApiDependencies,
  kind: Remembered<Params>,
): Route =>
  route(
    {
      ...sharedBy(kind),
      path: `${kind.path}/runs`,
      summary: `List a ${kind.noun}'s runs`,
      query: ResourceRunsQuery,
      answers: { 200: { description: "A page of runs, newest first", schema: list(Run) } },
    },
    async ({ params: asked, query }) =>
      only(deps, kind, {
        asked,
        page: () => runsPage(deps, { ...query, resourceId: kind.idOf(asked) }),
      }),
  );
