import { z } from "zod";
import { LoggedEvent } from "#contract/logged-event.ts";
import { pageStart, paginationOf } from "#http/cursor.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { type Reply, list } from "#http/envelope.ts";
import { name, paging } from "#http/queries.ts";
import { refusal } from "#http/refusal.ts";
import { type StreamMessage, noMessages, streamAnswer, wantsStream } from "#http/sse.ts";
import type { LogFilter } from "#projections/event-filter.ts";

const TypePattern = z
  .string()
  .regex(/^[a-z]+\.([a-z_]+|\*)$/, "must be an event type, or a prefix like step.*")
  .meta({ example: "run.*" });

const EventsQuery = z.strictObject({
  type: z
    .array(TypePattern)
    .max(50)
    .optional()
    .meta({ description: "An event type or a prefix like `step.*`; may be repeated" }),
  resource: name.optional().meta({ description: "Only the stream of this run or resource" }),
  actor: name.optional().meta({ description: "Only what this caller caused" }),
  limit: paging.limit,
  cursor: paging.cursor,
});

const PositionKey = z.number().int().positive();

/** A page of the log, newest first. */
export async function eventsPage(
  deps: Pick<ApiDependencies, "events">,
  filter: LogFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Reply> {
  const question = ["events", filter];
  const start = pageStart(page, PositionKey, question);
  const found = await deps.events.page(filter, start.by === "key" ? start.after : null, page.limit);
  return {
    status: 200,
    data: found.events,
    meta: { pagination: paginationOf(found, page, question) },
  };
}

async function* messages(
  deps: Pick<ApiDependencies, "events">,
  filter: LogFilter,
  { after, signal }: { readonly after: string | null; readonly signal: AbortSignal },
): AsyncGenerator<StreamMessage, void, undefined> {
  for await (const { event, cursor } of deps.events.follow(filter, after, signal))
    yield { id: cursor, event: event.type, data: event };
}

async function resumeAfter(
  { events }: Pick<ApiDependencies, "events">,
  headers: Headers,
): Promise<string | null> {
  const id = headers.get("last-event-id");
  if (id === null || id === "") return null;
  if (await events.knows(id)) return id;
  throw refusal({
    "Last-Event-ID":
      "is not the cursor of an event in this log, as after a restore; read the log by pages for what was missed, and follow it without",
  });
}

export const eventRoutes = (deps: ApiDependencies): Route[] => [
  route(
    {
      method: "get",
      path: "/v1/events",
      tag: "Events",
      summary: "Read or follow the event log",
      description:
        "Everything that happened, newest first. With `Accept: text/event-stream` it is followed live from now on, in the order of commits and without gaps; `Last-Event-ID` resumes after an event.",
      access: "key",
      query: EventsQuery,
      headers: {
        Accept: "`text/event-stream` to follow live",
        "Last-Event-ID": "Resume a stream after this event",
      },
      answers: {
        200: {
          description: "A page of events, newest first",
          schema: list(LoggedEvent),
          streamed: true,
        },
      },
    },
    async (call) => {
      const { type, resource, actor, limit, cursor } = call.query;
      const filter: LogFilter = {
        ...(type !== undefined && { types: type }),
        ...(resource !== undefined && { resource }),
        ...(actor !== undefined && { actor }),
      };
      if (!wantsStream(call.headers)) return eventsPage(deps, filter, { limit, cursor });
      const after = await resumeAfter(deps, call.headers);
      const gone = new AbortController();
      const signal = AbortSignal.any([call.signal, gone.signal]);
      return streamAnswer({
        requestId: call.requestId,
        source: call.method === "HEAD" ? noMessages() : messages(deps, filter, { after, signal }),
        heartbeatMs: deps.heartbeatMs ?? 15_000,
        stop: () => gone.abort(),
      });
    },
  ),
];
