import type { JournalledFailure, PlannedStep, RunEvent } from "#contract/events.ts";
import { rowOf, type FailureCode } from "#contract/failures.ts";
import type { Attention, Cleanup } from "#contract/run.ts";
import { failedStep } from "./evolve.ts";
import { limits } from "./limits.ts";
import { deadlineMessage } from "./out-of-time.ts";
import type { RunState, StepState } from "./run-state.ts";

/**
 * What a run does next: one pure function of its folded state and the time. Whatever it answers, its `events` are
 * appended first; only then is the effect carried out.
 */
export type Decision = { readonly events: readonly RunEvent[] } & (
  | { readonly do: "step"; readonly index: number }
  | { readonly do: "undo"; readonly index: number }
  /** Nothing until then, unless something wakes the run. */
  | { readonly do: "wait"; readonly until: number }
  /** The events say it all: append them and decide again. */
  | { readonly do: "again" }
  /** The run has ended, or its undo after the end has. */
  | { readonly do: "end" }
  /** Off the schedule until somebody acts (paused, ended). */
  | { readonly do: "rest" }
);

export interface DecideOptions {
  readonly now: number;
  readonly pace: number;
  /** The last look said to look again then; 0 when this slice has not looked yet. */
  readonly lookAgainAt: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();

const isDone = (step: StepState): boolean =>
  step.status === "completed" || step.status === "reused" || step.status === "skipped";

/** In this run, or in the one that it was taken over from. */
export const hasStarted = (step: StepState): boolean => step.attempts > 0 || step.key !== null;

/** The first step past the pivot has started, so nothing is undone any more. */
export const isPastPivot = (state: RunState): boolean => {
  const { pivot } = state.requested;
  return pivot !== null && state.steps.slice(pivot.before).some(hasStarted);
};

export function decide(state: RunState, options: DecideOptions): Decision {
  if (state.completedAt !== null) {
    return state.undoing === null ? { do: "rest", events: [] } : undoNext(state, options);
  }
  // A cancel is stronger than a pause: it would be a trap if a paused run could be cancelled and then stood still.
  if (state.undoing !== null)
    return state.pausedAt === null || state.cancel !== null
      ? undoNext(state, options)
      : { do: "rest", events: [] };
  if (state.cancel !== null && !isPastPivot(state)) return cancelNext(state, options);
  if (state.pausedAt !== null) return { do: "rest", events: [] };
  if (state.startedAt === null) return { do: "again", events: [{ type: "run.started", data: {} }] };
  return stepNext(state, options);
}

function stepNext(state: RunState, { now, lookAgainAt }: DecideOptions): Decision {
  const index = state.steps.findIndex((step) => !isDone(step));
  const step = state.steps[index];
  const plan = state.requested.plan[index];
  // All steps are done; the slice works out the output and appends `run.completed`.
  if (step === undefined || plan === undefined) return { do: "end", events: [] };

  const start = (): Decision => ({
    do: "step",
    index,
    events: [
      {
        type: "step.started",
        data: {
          step: step.name,
          attempt: step.attempts + 1,
          deadlineAt: iso(step.deadlineAt ?? now + plan.withinMs),
        },
      },
    ],
  });
  const fail = (code: FailureCode, message: string): Decision => ({
    do: "again",
    events: [
      {
        type: "step.failed",
        data: {
          step: step.name,
          attempt: Math.max(1, step.attempts),
          error: { code, message },
          retryAt: null,
        },
      },
    ],
  });

  if (step.status === "failed") return failRun(state, step);
  if (state.streamVersion >= limits.eventsPerRun) {
    return fail(
      "RUN_LIMIT_EXCEEDED",
      `the run has ${state.streamVersion} events, more than a run may have`,
    );
  }
  if (step.status === "pending") return start();
  if (step.deadlineAt !== null && now >= step.deadlineAt)
    // Nobody looks while all processes are down: what has come about meanwhile counts, so it is looked at once more.
    return step.status === "waiting"
      ? start()
      : fail(
          "STEP_TIMEOUT",
          deadlineMessage(
            {
              what: "step",
              withinMs: plan.withinMs,
              error: step.error,
              last: step.lastWait === null ? null : "look was lost with its process",
            },
            step.lastWait,
          ),
        );
  if (step.status === "running") {
    return step.losses + 1 >= limits.losses
      ? fail(
          "LOST_ENGINE_RUN",
          `${step.name} was lost ${step.losses + 1} times with the process that ran it`,
        )
      : start();
  }
  // Waiting: for its next attempt, or to look at the world again.
  if (step.retryAt !== null)
    return now < step.retryAt ? { do: "wait", until: step.retryAt, events: [] } : start();
  if (now < lookAgainAt)
    return { do: "wait", until: Math.min(lookAgainAt, step.deadlineAt ?? lookAgainAt), events: [] };
  return { do: "step", index, events: [] };
}

/** A step that nobody carries out now (it waits, or its process died) ends here; the one under way said so itself. */
function cancelNext(state: RunState, options: DecideOptions): Decision {
  const open = state.steps.find((step) => step.status === "waiting" || step.status === "running");
  if (open === undefined) return undoNext(state, options);
  return {
    do: "again",
    events: [
      {
        type: "step.failed",
        data: {
          step: open.name,
          attempt: Math.max(1, open.attempts),
          error: {
            code: "RUN_CANCELLED",
            message: "the run was cancelled before this step had ended",
          },
          retryAt: null,
        },
      },
    ],
  };
}

const stepError = (step: StepState): JournalledFailure & { step: string } => ({
  ...(step.error ?? { code: "INTERNAL_ERROR", message: "the step failed without saying why" }),
  step: step.name,
});

function failRun(state: RunState, step: StepState): Decision {
  const error = stepError(step);
  if (isPastPivot(state)) {
    const attention = attentionOf(state, error, ["retry", "abandon"]);
    return {
      do: "end",
      events: [
        { type: "run.attention_raised", data: attention },
        { type: "run.failed", data: { error, cleanup: "none" } },
      ],
    };
  }
  if (state.requested.onFailure === "hold" && undoable(state).length > 0) {
    const attention = attentionOf(state, error, ["retry", "undo", "abandon"]);
    return {
      do: "end",
      events: [
        { type: "run.attention_raised", data: attention },
        { type: "run.failed", data: { error, cleanup: "held" } },
      ],
    };
  }
  return undoNext(state, { now: 0, pace: 1, lookAgainAt: 0 });
}

/** Whether there is anything to be taken back of the step, by its plan and by what it has done. Null: it is past the pivot. */
const undoOf = (step: StepState, planned: PlannedStep): PlannedStep["undo"] =>
  planned.undo === "undo" && step.didNothing ? "nothing" : planned.undo;

/** Steps with a real undo that has not been carried out, in the order of undoing. */
export const undoable = (state: RunState): number[] =>
  state.steps
    .map((step, index) => ({ step, index, planned: state.requested.plan[index] }))
    .filter(
      ({ step, planned }) =>
        hasStarted(step) &&
        step.undo === null &&
        planned !== undefined &&
        undoOf(step, planned) === "undo",
    )
    .map(({ index }) => index)
    .toReversed();

function undoNext(state: RunState, options: DecideOptions): Decision {
  // `nothing` is recorded in its place in the order, so the stream reads as what happened.
  const events: RunEvent[] = [];
  for (let index = state.steps.length - 1; index >= 0; index -= 1) {
    const step = state.steps[index];
    const plan = state.requested.plan[index];
    if (
      step === undefined ||
      plan === undefined ||
      !hasStarted(step) ||
      step.undo === "undone" ||
      step.undo === "nothing"
    )
      continue;
    if (step.undo === "failed" || state.abandoned) return endUndo(state, "incomplete", events);
    const undo = undoOf(step, plan);
    if (undo !== "undo") {
      if (undo === "nothing")
        events.push({ type: "undo.completed", data: { step: step.name, result: "nothing" } });
      continue;
    }
    return undoStep(state, { step, index, events, options });
  }
  const undone = state.steps.some((step) => step.undo === "undone");
  return endUndo(state, undone ? "complete" : "none", events);
}

function undoStep(
  state: RunState,
  {
    step,
    index,
    events,
    options,
  }: { step: StepState; index: number; events: readonly RunEvent[]; options: DecideOptions },
): Decision {
  const { now, pace, lookAgainAt } = options;
  const giveUpAt = (state.undoing?.since ?? now) + limits.undoMs / pace;
  const fail = (error: JournalledFailure): Decision => ({
    do: "again",
    events: [
      ...events,
      {
        type: "undo.failed",
        data: { step: step.name, attempt: step.undoFailures + 1, error, retryAt: null },
      },
    ],
  });
  if (step.undoLosses >= limits.losses) {
    return fail({
      code: "LOST_ENGINE_RUN",
      message: `the undo of ${step.name} was lost ${step.undoLosses} times with the process that ran it`,
    });
  }
  if (state.undoing !== null && now >= giveUpAt) {
    return fail(
      step.error ?? {
        code: "STEP_TIMEOUT",
        message: `the undo of ${step.name} did not end in time${state.waiting === null ? "" : `; it was waiting: ${state.waiting.reason}`}`,
      },
    );
  }
  if (step.retryAt !== null && step.undoStartedAt !== null && now < step.retryAt) {
    const raise =
      step.undoFailures >= limits.undoFailuresBeforeAttention && state.attention === null;
    const error = stepError(step);
    return raise
      ? {
          do: "again",
          events: [
            ...events,
            { type: "run.attention_raised", data: attentionMeanwhile(state, error, giveUpAt) },
          ],
        }
      : { do: "wait", until: step.retryAt, events };
  }
  const inWait = step.undoStartedAt !== null && step.retryAt === null;
  if (inWait && now < lookAgainAt)
    return { do: "wait", until: Math.min(lookAgainAt, giveUpAt), events };
  // A look after a wait, and an undo whose process died, need no new intent: it is in the stream already.
  if (inWait) return { do: "undo", index, events };
  return {
    do: "undo",
    index,
    events: [
      ...events,
      { type: "undo.started", data: { step: step.name, attempt: step.undoFailures + 1 } },
    ],
  };
}

/** The end of undoing: of a failed run, a cancelled one, or (after the end) of an operator's `undo`. */
function endUndo(state: RunState, cleanup: Cleanup, before: readonly RunEvent[]): Decision {
  const failed = failedStep(state);
  const undoFailed = state.steps.find((step) => step.undo === "failed");
  const events: RunEvent[] = [...before];
  if (cleanup === "incomplete" && !state.abandoned && undoFailed !== undefined) {
    events.push({
      type: "run.attention_raised",
      data: attentionOf(state, stepError(undoFailed), ["undo", "abandon"]),
    });
  }
  if (state.completedAt !== null) {
    return { do: "end", events: [...events, { type: "run.cleaned_up", data: { cleanup } }] };
  }
  if (state.cancel !== null && (state.undoing?.cause ?? null) === null) {
    return {
      do: "end",
      events: [
        ...events,
        { type: "run.cancelled", data: { reason: state.cancel.reason, cleanup } },
      ],
    };
  }
  const error = state.undoing?.cause ?? (failed === undefined ? null : stepError(failed));
  return {
    do: "end",
    events: [
      ...events,
      {
        type: "run.failed",
        data: {
          error: error ?? { code: "INTERNAL_ERROR", message: "the run failed", step: null },
          cleanup,
        },
      },
    ],
  };
}

const ways = {
  retry: "POST /v1/workflows/runs/{id}/retry with fromStep, once the cause is gone",
  undo: "POST /v1/workflows/runs/{id}/undo takes back what stands",
  leave:
    "POST /v1/workflows/runs/{id}/abandon with a reason ends the undo now; what it has not taken back stays in the world",
  abandon: "POST /v1/workflows/runs/{id}/abandon with a reason, when the rest is done by hand",
} as const;

/** What a person must know to take over: what stands, what is neither done nor undone, and the ways out. */
export function attentionOf(
  state: RunState,
  error: JournalledFailure & { readonly step: string },
  waysOut: readonly (keyof typeof ways)[],
): Attention {
  const stands = state.steps.filter(
    (step) => isDone(step) && step.status !== "skipped" && step.undo !== "undone",
  );
  const open = state.steps.filter((step) => !isDone(step) && step.undo !== "undone");
  const mover = rowOf(error.code).mover;
  return {
    code: error.code,
    message: `${error.step}: ${error.message}${mover === "operator" ? " (an operator has to act)" : ""}`,
    step: error.step,
    done: stands.map((step) => step.name),
    notDone: open.map((step) => step.name),
    waysOut: waysOut.map((way) => ways[way].replace("{id}", state.id)),
  };
}

/** Of an undo that keeps failing and is still tried: it may need nobody, so it must not read as if it had been given up. */
function attentionMeanwhile(
  state: RunState,
  error: JournalledFailure & { readonly step: string },
  giveUpAt: number,
): Attention {
  return {
    ...attentionOf(state, error, ["leave"]),
    message: `the undo of ${error.step} has failed ${limits.undoFailuresBeforeAttention} times (${error.message}); it goes on by itself until ${iso(giveUpAt)}, so nothing has to be done when the cause will be gone by then`,
  };
}
