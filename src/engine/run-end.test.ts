import { expect, it } from "vitest";
import type { RunEvent } from "#contract/events.ts";
import { evolveRun } from "./evolve.ts";
import { runEndOf } from "./run-end.ts";
import type { RunState } from "./run-state.ts";
import { firstState, type Shape } from "./testing/simulated-run.ts";

/** What a run's resource hears of its end. */

const shape: Shape = { undo: [true, true], pivot: null, onFailure: "undo", withinMs: 60_000 };
const away = { code: "KUBERNETES_UNAVAILABLE" as const, message: "it answered 503" };
const acted = { reason: null };

const fold = (...events: readonly RunEvent[]): RunState =>
  events.reduce((state, event) => evolveRun(state, { ...event, at: 5_000 }), firstState(shape));

const cancelled: readonly RunEvent[] = [
  { type: "run.started", data: {} },
  {
    type: "step.started",
    data: { step: "s0", attempt: 1, deadlineAt: "2026-03-02T08:05:00.000Z" },
  },
  { type: "run.cancel_requested", data: acted },
  { type: "undo.started", data: { step: "s0", attempt: 1 } },
];
const retryAt = "2026-03-02T08:00:10.000Z";
const undoFails: RunEvent = {
  type: "undo.failed",
  data: { step: "s0", attempt: 1, error: away, retryAt },
};
const abandoned: RunEvent = { type: "run.abandoned", data: { reason: "nobody waits for it" } };
const ends = (cleanup: RunState["cleanup"]): RunEvent => ({
  type: "run.cancelled",
  data: { reason: null, cleanup },
});

it("is what kept the undo of a cancelled run from its end, once that was abandoned", () => {
  expect(runEndOf(fold(...cancelled, undoFails, abandoned, ends("incomplete"))).error).toEqual({
    code: "KUBERNETES_UNAVAILABLE",
    message:
      "the run was cancelled, and its undo abandoned: that of s0 had failed: it answered 503",
  });
});

it("is the abandoning itself, of an undo that had not failed yet", () => {
  expect(runEndOf(fold(...cancelled, abandoned, ends("incomplete"))).error).toEqual({
    code: "RUN_CANCELLED",
    message: "the run was cancelled, and its undo abandoned",
  });
});

it("is no error when the undo got there in the end", () => {
  const undone: RunEvent = { type: "undo.completed", data: { step: "s0", result: "undone" } };
  expect(runEndOf(fold(...cancelled, undoFails, undone, ends("complete"))).error).toBeNull();
});
