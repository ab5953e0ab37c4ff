import { z } from "zod";
import { LoggedEvent } from "#contract/logged-event.ts";
import { paginationOf, pageStart } from "#http/cursor.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { list } from "#http/envelope.ts";
import { paging } from "#http/queries.ts";
import { refusal } from "#http/refusal.ts";
import { type StreamMessage, noMessages, streamAnswer, wantsStream } from "#http/sse.ts";
import { RunParams, noRun } from "./runs.ts";

const EventsQuery = z.strictObject({ limit: paging.limit, cursor: paging.cursor });
const VersionKey = z.number().int().nonnegative();

const STREAM_BATCH = 200;
/** A stream looks again after this time at the latest, whether it heard news or not. */
const STREAM_WAIT_MS = 30_000;

const lastVersion = (headers: Headers): number => {
  const id = headers.get("last-event-id");
  if (id === null || id === "") return 0;
  if (!/^\d{1,9}$/.test(id)) throw refusal({ "Last-Event-ID": "must be a version of this stream" });
  return Number(id);
};

/** The run's events from a version on, then live, until nothing more will happen by itself. */
async function* runMessages(
  deps: Pick<ApiDependencies, "runs" | "events">,
  run: string,
  { after, signal }: { readonly after: number; readonly signal: AbortSignal },
): AsyncGenerator<StreamMessage, void, undefined> {
  let version = after;
  while (!signal.aborted) {
    const events = await deps.events.ofStream(run, version, STREAM_BATCH);
    for (const event of events) {
      version = event.version;
      yield { id: String(version), event: event.type, data: event };
    }
    if (events.length === STREAM_BATCH) continue;
    const seen = version;
    const head = await deps.runs.wait(run, {
      done: (now) => now.version > seen || now.settled,
      timeoutMs: STREAM_WAIT_MS,
      signal,
    });
    if (head === null || (head.settled && head.version <= seen)) return;
  }
}

const question = (run: string) => ["events of", run];

export const runEventRoutes = (deps: ApiDependencies): Route[] => [
  route(
    {
      method: "get",
      path: "/v1/workflows/runs/{runId}/events",
      tag: "Runs",
      summary: "Read or follow a run's events",
      description:
        "The run's whole story, oldest first. With `Accept: text/event-stream` it is streamed live: `id` is the event's version, `Last-Event-ID` resumes after it, and the stream ends when the run has ended and its cleanup too.",
      access: "key",
      params: RunParams,
      query: EventsQuery,
      headers: {
        Accept: "`text/event-stream` to follow live",
        "Last-Event-ID": "Resume a stream after this version",
      },
      answers: {
        200: {
          description: "A page of events, oldest first",
          schema: list(LoggedEvent),
          streamed: true,
        },
      },
      refusals: ["NOT_FOUND"],
    },
    async (call) => {
      const { runId } = call.params;
      if (wantsStream(call.headers)) {
        const after = lastVersion(call.headers);
        if ((await deps.runs.head(runId)) === null) throw noRun(runId);
        const gone = new AbortController();
        const signal = AbortSignal.any([call.signal, gone.signal]);
        return streamAnswer({
          requestId: call.requestId,
          source:
            call.method === "HEAD" ? noMessages() : runMessages(deps, runId, { after, signal }),
          heartbeatMs: deps.heartbeatMs ?? 15_000,
          stop: () => gone.abort(),
        });
      }
      const { limit, cursor } = call.query;
      const start = pageStart({ limit, cursor }, VersionKey, question(runId));
      const [head, events] = await Promise.all([
        deps.runs.head(runId),
        deps.events.ofStream(runId, start.by === "key" ? start.after : 0, limit + 1),
      ]);
      if (head === null) throw noRun(runId);
      const shown = events.slice(0, limit);
      const next = events.length > limit ? (shown.at(-1)?.version ?? null) : null;
      const total = { count: head.version, isEstimate: false };
      return {
        status: 200,
        data: shown,
        meta: {
          pagination: paginationOf({ total, next }, { limit, cursor }, question(runId)),
        },
      };
    },
  ),
];
