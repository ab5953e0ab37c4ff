import { describe, expect, it } from "vitest";
import type { RunEvent } from "#contract/events.ts";
import { Failure } from "#contract/failures.ts";
import { consequence, type Act } from "./acts.ts";
import { evolveRun } from "./evolve.ts";
import { whatRuns } from "./plan-act.ts";
import { reusedSteps } from "./retry.ts";
import type { RunState } from "./run-state.ts";
import { firstState, type Shape } from "./testing/simulated-run.ts";

/** What may be done to a run in every situation that it can be in, as a table. */

const shape: Shape = { undo: [false, true, true], pivot: 2, onFailure: "undo", withinMs: 60_000 };
const error = { code: "BMC_REJECTED" as const, message: "no" };
const attempt = { attempt: 1, deadlineAt: "2026-03-02T08:05:00.000Z" };
const began: RunEvent = { type: "run.started", data: {} };
const starts = (step: string): RunEvent => ({ type: "step.started", data: { step, ...attempt } });
const completes = (step: string): RunEvent => ({
  type: "step.completed",
  data: { step, attempt: 1, output: `out of ${step}` },
});
const fails = (step: string): RunEvent => ({
  type: "step.failed",
  data: { step, attempt: 1, error, retryAt: null },
});
const undoes = (step: string): RunEvent[] => [
  { type: "undo.started", data: { step, attempt: 1 } },
  { type: "undo.completed", data: { step, result: "undone" } },
];
const ends = (cleanup: RunState["cleanup"]): RunEvent => ({
  type: "run.failed",
  data: { error: { ...error, step: "s1" }, cleanup },
});
const calls: RunEvent = {
  type: "run.attention_raised",
  data: { ...error, step: "s1", done: [], notDone: [], waysOut: [] },
};
const acted = { reason: null };
const paused: RunEvent = { type: "run.paused", data: acted };
const cancelled: RunEvent = { type: "run.cancel_requested", data: acted };

const fold = (...events: readonly RunEvent[]): RunState =>
  events.reduce((state, event) => evolveRun(state, { ...event, at: 5_000 }), firstState(shape));

const working = [began, starts("s0"), completes("s0"), starts("s1")];
const failing = [...working, fails("s1")];
const undoing: RunEvent[] = [
  ...failing,
  { type: "undo.started", data: { step: "s1", attempt: 1 } },
];
const held = [...failing, calls, ends("held")];
const undoneLater: RunEvent[] = [...held, { type: "run.undo_requested", data: acted }];
const past = [...working, completes("s1"), starts("s2")];

const situations: Record<string, RunState> = {
  pending: fold(),
  executing: fold(...working),
  paused: fold(...working, paused),
  cancelling: fold(...working, cancelled),
  "undoing a failure": fold(...undoing),
  "undoing, with attention": fold(...undoing, calls),
  "past the pivot": fold(...past),
  completed: fold(...past, completes("s2"), { type: "run.completed", data: { output: 1 } }),
  failed: fold(...undoing, ...undoes("s1"), ends("complete")),
  "failed past the pivot": fold(...past, fails("s2"), calls, ends("none")),
  held: fold(...held),
  incomplete: fold(...undoing, calls, ends("incomplete")),
  "undo given up": fold(
    ...undoing,
    { type: "undo.failed", data: { step: "s1", attempt: 1, error, retryAt: null } },
    calls,
    ends("incomplete"),
  ),
  "undone after its end": fold(...undoneLater),
  "undone after its end, with attention": fold(...undoneLater, calls),
  "held and retried": fold(...held, {
    type: "run.retried",
    data: { by: "run_01KAP5ZV9QJ5T1W7R9D0C3M8XJ", reason: null },
  }),
  "held and abandoned": fold(...held, { type: "run.abandoned", data: { reason: "by hand" } }),
  cancelled: fold(...working, cancelled, {
    type: "run.cancelled",
    data: { reason: null, cleanup: "complete" },
  }),
};

const verdict = (run: RunState, act: Act): string => {
  try {
    const { events, wakes, lock, settles } = consequence(run, act, "because");
    const said = events.map(({ type }) => type.slice("run.".length)).join() || "nothing";
    return [said, wakes ? "wakes" : "", lock === "keep" ? "" : `${lock}s`, settles ? "settles" : ""]
      .filter((part) => part !== "")
      .join(" ");
  } catch (refused) {
    if (refused instanceof Failure) return refused.code;
    throw refused;
  }
};

const NO = "INVALID_STATE_TRANSITION";
const cancels = "cancel_requested wakes";

it.each([
  ["pending", cancels, NO, NO, NO, NO],
  ["executing", cancels, "paused", NO, NO, NO],
  ["paused", cancels, "nothing", "resumed wakes", NO, NO],
  ["cancelling", "nothing", "paused", NO, NO, NO],
  ["undoing a failure", NO, "paused", NO, NO, NO],
  ["undoing, with attention", NO, "paused", NO, NO, "abandoned wakes"],
  ["past the pivot", "PAST_PIVOT", "paused", NO, NO, NO],
  ["completed", NO, NO, NO, NO, NO],
  ["failed", NO, NO, NO, NO, NO],
  ["failed past the pivot", NO, NO, NO, NO, "abandoned releases settles"],
  ["held", NO, NO, NO, "undo_requested wakes", "abandoned releases settles"],
  ["incomplete", NO, NO, NO, "undo_requested wakes takes", "abandoned releases settles"],
  ["undone after its end", NO, NO, NO, NO, NO],
  // Its undo goes on by itself: it must keep the lock until that has stopped.
  ["undone after its end, with attention", NO, NO, NO, NO, "abandoned wakes"],
  ["held and retried", NO, NO, NO, NO, NO],
  ["held and abandoned", NO, NO, NO, NO, NO],
  ["cancelled", NO, NO, NO, NO, NO],
])("%s: cancel, pause, resume, undo, abandon", (situation, ...expected) => {
  const run = situations[situation]!;
  const acts = ["cancel", "pause", "resume", "undo", "abandon"] as const;
  expect(acts.map((act) => verdict(run, act))).toEqual(expected);
});

it.each<[string, Act, string]>([
  ["pending", "cancel", "undo"],
  ["executing", "cancel", "undo s1"],
  ["executing", "pause", "forward s1 s2"],
  ["paused", "resume", "forward s1 s2"],
  ["paused", "cancel", "undo s1"],
  ["cancelling", "cancel", "undo s1"],
  ["undoing a failure", "pause", "undo s1"],
  ["undoing, with attention", "abandon", "undo"],
  ["past the pivot", "pause", "forward s2"],
  ["failed past the pivot", "abandon", "forward"],
  ["held", "undo", "undo s1"],
  ["held", "abandon", "forward"],
  ["undo given up", "undo", "undo s1"],
  ["undo given up", "abandon", "forward"],
])("%s: after %s there still runs: %s", (situation, act, expected) => {
  const run = situations[situation]!;
  const { events } = consequence(run, act, "because");
  const after = events.reduce((state, event) => evolveRun(state, { ...event, at: 5_000 }), run);
  const { way, steps } = whatRuns(after);
  expect([way, ...steps.map((index) => run.steps[index]?.name)].join(" ")).toBe(expected);
});

it("says what would be allowed, names the pivot, and insists on a reason to abandon", () => {
  expect(() => consequence(situations["past the pivot"]!, "cancel", null)).toThrow(/no way back/);
  expect(() => consequence(situations["completed"]!, "pause", null)).toThrow(
    /is completed; pause needs a running run/,
  );
  expect(() => consequence(situations["undoing a failure"]!, "cancel", null)).toThrow(
    /taking back what it did since 1970-01-01T00:00:05.000Z because s1 failed, so there is nothing to cancel$/,
  );
  for (const reason of [null, "", "  "])
    expect(() => consequence(situations["held"]!, "abandon", reason)).toThrow(/needs a reason/);
});

it("takes a lock for the undo of a held child, which had none of its own", () => {
  const run = situations["held"]!;
  const child: RunState = {
    ...run,
    requested: { ...run.requested, parent: { run: run.id, step: "s0" } },
  };
  expect(verdict(child, "undo")).toBe("undo_requested wakes takes");
});

describe("reusedSteps", () => {
  const from = (run: RunState, step: string): string[] =>
    reusedSteps(run, step).map((reused) => reused.step);

  it("carries over what stands, with its output and the key under which the world knows it", () => {
    const run = situations["held"]!;
    expect(reusedSteps(run, "s1")).toEqual([
      { step: "s0", output: "out of s0", fromRun: run.id, key: `${run.id}/s0` },
    ]);
    expect(reusedSteps(run, "s0")).toEqual([]);
    const key = "run_01KAP5ZV9QJ5T1W7R9D0C3M8XA/s0";
    const again = fold({
      type: "step.reused",
      data: { step: "s0", output: 1, fromRun: "run_01KAP5ZV9QJ5T1W7R9D0C3M8XA", key },
    });
    expect(reusedSteps(again, "s1")).toMatchObject([{ step: "s0", key }]);
  });

  it("goes back to the first step whose effect is gone", () => {
    const run = fold(...past.slice(0, 5), fails("s2"), ...undoes("s1"), ends("complete"));
    expect(from(run, "s1")).toEqual(["s0"]);
    expect(() => from(run, "s2")).toThrow(
      expect.objectContaining({
        code: NO,
        details: { earliestStep: "s1", latestStep: "s1" },
      }) as Error,
    );
    expect(() => from(situations["held"]!, "s2")).toThrow(/from s1 at the latest/);
  });

  it("does not take a step that never began for one that had nothing to do", () => {
    const never = fold(cancelled, {
      type: "run.cancelled",
      data: { reason: null, cleanup: "none" },
    });
    expect(never.steps.map(({ status }) => status)).toEqual(["skipped", "skipped", "skipped"]);
    expect(from(never, "s0")).toEqual([]);
    expect(() => from(never, "s2")).toThrow(/from s0 at the latest/);
    const skipped = fold(began, starts("s0"), {
      type: "step.completed",
      data: { step: "s0", attempt: 1, output: null, skipped: "no need" },
    });
    expect(from(skipped, "s1")).toEqual(["s0"]);
    const passedOver = fold(began, {
      type: "step.completed",
      data: { step: "s0", attempt: 1, output: null, skipped: "not on this resource" },
    });
    // It is skipped again by the retry.
    expect(from(passedOver, "s1")).toEqual([]);
  });

  it("refuses a step that there is not, with those that there are", () => {
    expect(() => from(situations["held"]!, "s9")).toThrow(
      expect.objectContaining({
        code: "VALIDATION_ERROR",
        details: expect.objectContaining({ steps: ["s0", "s1", "s2"] }) as object,
      }) as Error,
    );
  });
});
