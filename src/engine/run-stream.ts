import { ENGINE_ACTOR, type RunEvent, type TimedRunEvent } from "#contract/events.ts";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { eventDigest, storable } from "#journal/canonical.ts";
import type { Journal, NewEvent, RecordedEvent } from "#journal/journal.ts";
import { evolveRun, firstRunState } from "./evolve.ts";
import type { By } from "./requests.ts";
import type { RunState } from "./run-state.ts";

/** Between a run's stream and its folded state. */

/** The engine's own name in `meta.actor`. */
export const ENGINE: By = { actor: ENGINE_ACTOR };

export const runEvent = (event: RunEvent, at: number, by: By = ENGINE): NewEvent => ({
  type: event.type,
  data: event.data,
  at,
  meta: {
    actor: by.actor,
    schema: 1,
    ...(by.requestId !== undefined && { requestId: by.requestId }),
    ...(by.trace !== undefined && { trace: by.trace }),
  },
});

/** Says that whoever held the run's lease is gone, and which step was under way then. */
export const recovered = (run: RunState, lostOwner: string): RunEvent => ({
  type: "run.recovered",
  data: { lostOwner, step: run.steps.find(({ status }) => status === "running")?.name ?? null },
});

const timed = (event: NewEvent): TimedRunEvent & { readonly actor: string } =>
  ({
    type: event.type,
    data: event.data,
    at: event.at,
    actor: event.meta.actor,
  }) as TimedRunEvent & { readonly actor: string };

export const foldOnto = (state: RunState, events: readonly NewEvent[]): RunState =>
  events.reduce((folded, event) => evolveRun(folded, timed(event)), state);

/** The run from its whole stream; null when there is no such stream. */
export function foldRun(id: RunId, events: readonly NewEvent[]): RunState | null {
  const [first, ...rest] = events;
  if (first === undefined) return null;
  const request = timed(first);
  if (request.type !== "run.requested")
    throw new Failure("INTERNAL_ERROR", `the stream ${id} does not begin with a request`);
  return foldOnto(firstRunState(id, request, first.meta.actor), rest);
}

export async function loadRun(journal: Journal, id: RunId): Promise<RunState> {
  const state = foldRun(id, await journal.read(id));
  if (state === null) throw new Failure("NOT_FOUND", `there is no run ${id}`);
  return state;
}

/** Whether the events that we tried to write are the ones that now stand in the stream, by their digests. */
export const isWritten = (written: readonly NewEvent[], found: readonly RecordedEvent[]): boolean =>
  written.length > 0 &&
  written.every((event, index) => {
    const other = found[index];
    const stored = { ...event, data: storable(event.data) };
    return other !== undefined && eventDigest(other.stream, other.version, stored) === other.digest;
  });
