import type { TimedRunEvent } from "#contract/events.ts";
import type { RunId } from "#contract/ids.ts";
import { lastSeen } from "./out-of-time.ts";
import type { RunState, StepState } from "./run-state.ts";

/**
 * The fold of a run's stream. Total: every event type is handled, and an event of a later version that this code
 * does not know changes nothing but the version.
 *
 *   pending/queued ─run.started─▶ running/executing ⇄ waiting ─────────────▶ completed | failed | cancelled / ended
 *                                      │    ▲ paused                            ▲            │
 *                                      └────┴───────undoing─────────────────────┘            └─undo_requested─▶ undoing ─▶ ended
 */

export const freshStep = (name: string): StepState => ({
  name,
  status: "pending",
  attempts: 0,
  failures: 0,
  losses: 0,
  startedAt: null,
  completedAt: null,
  deadlineAt: null,
  didNothing: false,
  undo: null,
  undoFailures: 0,
  undoLosses: 0,
  undoStartedAt: null,
  retryAt: null,
  lastWait: null,
  key: null,
  error: null,
});

/** Its undo has begun and has neither ended nor been put off; there is never more than one. */
const isBeingUndone = (step: StepState): boolean =>
  step.undoStartedAt !== null && step.undo === null && step.retryAt === null;

export function firstRunState(
  id: RunId,
  event: Extract<TimedRunEvent, { type: "run.requested" }>,
  actor: string,
): RunState {
  return {
    id,
    requested: event.data,
    actor,
    streamVersion: 1,
    status: "pending",
    phase: "queued",
    createdAt: event.at,
    startedAt: null,
    completedAt: null,
    steps: event.data.plan.map((step) => freshStep(step.name)),
    waiting: null,
    cancel: null,
    pausedAt: null,
    undoing: null,
    error: null,
    cleanup: "none",
    attention: null,
    abandoned: false,
    retriedBy: null,
    engineRuns: [],
    updatedAt: event.at,
    outputs: {},
    memos: {},
    signals: {},
    output: null,
  };
}

const patchStep = (
  state: RunState,
  name: string,
  patch: (step: StepState) => Partial<StepState>,
): readonly StepState[] =>
  state.steps.map((step) => (step.name === name ? { ...step, ...patch(step) } : step));

const without = (
  record: Readonly<Record<string, unknown>>,
  key: string,
): Readonly<Record<string, unknown>> => {
  const { [key]: _gone, ...rest } = record;
  return rest;
};

/** The step whose failure cannot be retried: what makes the run fail. */
export const failedStep = (state: RunState): StepState | undefined =>
  state.steps.find((step) => step.status === "failed" && step.retryAt === null);

const ended = (state: RunState): boolean => state.completedAt !== null;

/** A run begins once and ends once: of several ends in a stream the first one counts. */
const beginsOrEnds: ReadonlySet<string> = new Set<TimedRunEvent["type"]>([
  "run.started",
  "run.completed",
  "run.failed",
  "run.cancelled",
]);

/** Steps that never began are shown as skipped once the run has ended. */
const closeSteps = (state: RunState): readonly StepState[] =>
  state.steps.map((step) =>
    step.status === "pending" ? { ...step, status: "skipped" as const } : step,
  );

const shift = (time: number | null, byMs: number): number | null =>
  time === null ? null : time + byMs;

export function evolveRun(
  state: RunState,
  event: TimedRunEvent & { readonly actor?: string },
): RunState {
  const changed = change(state, event);
  // A paused run lets its step finish; that does not make it go on.
  const paused =
    changed.pausedAt !== null && (changed.phase === "executing" || changed.phase === "waiting");
  return {
    ...changed,
    phase: paused ? "paused" : changed.phase,
    streamVersion: state.streamVersion + 1,
    updatedAt: event.at,
  };
}

function change(state: RunState, event: TimedRunEvent & { readonly actor?: string }): RunState {
  if (ended(state) && beginsOrEnds.has(event.type)) return state;
  switch (event.type) {
    case "run.requested":
      return state;
    case "run.started":
      return { ...state, status: "running", phase: "executing", startedAt: event.at };
    case "step.started": {
      const { step, attempt, deadlineAt } = event.data;
      return {
        ...state,
        phase: "executing",
        waiting: null,
        steps: patchStep(state, step, (before) => ({
          status: "running",
          attempts: attempt,
          // An attempt that began and never reported was lost with its process.
          losses: before.losses + (before.status === "running" ? 1 : 0),
          startedAt: before.startedAt ?? event.at,
          deadlineAt: Date.parse(deadlineAt),
          lastWait: lastSeen(state, before),
          retryAt: null,
        })),
      };
    }
    case "step.completed": {
      const { step, output, skipped } = event.data;
      return {
        ...state,
        phase: state.undoing === null ? "executing" : state.phase,
        waiting: null,
        steps: patchStep(state, step, (before) => ({
          status: skipped === undefined ? "completed" : "skipped",
          // An attempt that was lost, or a look before a wait, may have done something all the same.
          didNothing: skipped !== undefined && before.attempts <= 1 && before.status !== "waiting",
          completedAt: event.at,
          lastWait: null,
          error: null,
        })),
        outputs: { ...state.outputs, [step]: output },
        memos: without(state.memos, step),
      };
    }
    case "step.reused": {
      const { step, output, key, skipped } = event.data;
      return {
        ...state,
        steps: patchStep(state, step, () => ({
          status: skipped === undefined ? "reused" : "skipped",
          didNothing: skipped?.didNothing === true,
          completedAt: event.at,
          key,
        })),
        outputs: { ...state.outputs, [step]: output },
      };
    }
    case "step.waiting": {
      const { step, undo, reason, until, wakesOn, memo } = event.data;
      return {
        ...state,
        phase: undo === true ? "undoing" : "waiting",
        waiting: {
          reason,
          since: event.at,
          until: Date.parse(until),
          ...(wakesOn !== undefined && { wakesOn }),
        },
        steps:
          undo === true
            ? state.steps
            : patchStep(state, step, () => ({ status: "waiting", failures: 0, lastWait: null })),
        memos: memo === undefined ? without(state.memos, step) : { ...state.memos, [step]: memo },
      };
    }
    case "step.failed": {
      const { step, error, retryAt } = event.data;
      return {
        ...state,
        phase: retryAt === null ? "executing" : "waiting",
        waiting:
          retryAt === null
            ? null
            : {
                reason: `retrying ${step} after ${error.code}`,
                since: event.at,
                until: Date.parse(retryAt),
              },
        steps: patchStep(state, step, (before) => ({
          status: retryAt === null ? "failed" : "waiting",
          failures: before.failures + 1,
          retryAt: retryAt === null ? null : Date.parse(retryAt),
          lastWait: retryAt === null ? null : lastSeen(state, before),
          completedAt: retryAt === null ? event.at : null,
          error,
        })),
      };
    }
    case "undo.started": {
      const failed = failedStep(state);
      const error = state.cancel === null ? (failed?.error ?? null) : null;
      const cause = error === null || failed === undefined ? null : { ...error, step: failed.name };
      return {
        ...state,
        phase: "undoing",
        waiting: null,
        cleanup: "running",
        undoing: state.undoing ?? { since: event.at, cause },
        steps: patchStep(state, event.data.step, () => ({
          undoStartedAt: event.at,
          retryAt: null,
        })),
      };
    }
    case "undo.completed":
      return {
        ...state,
        waiting: null,
        // A person was called because this undo kept failing; now it is done after all.
        attention: state.attention?.step === event.data.step ? null : state.attention,
        steps: patchStep(state, event.data.step, () => ({
          undo: event.data.result,
          retryAt: null,
        })),
        memos: without(state.memos, event.data.step),
      };
    case "undo.failed": {
      const { step, error, retryAt } = event.data;
      return {
        ...state,
        waiting:
          retryAt === null
            ? null
            : {
                reason: `retrying the undo of ${step} after ${error.code}`,
                since: event.at,
                until: Date.parse(retryAt),
              },
        steps: patchStep(state, step, (before) => ({
          undo: retryAt === null ? "failed" : null,
          undoFailures: before.undoFailures + 1,
          retryAt: retryAt === null ? null : Date.parse(retryAt),
          error,
        })),
      };
    }
    case "run.cancel_requested":
      return {
        ...state,
        cancel: state.cancel ?? {
          at: event.at,
          actor: event.actor ?? "",
          reason: event.data.reason,
        },
      };
    case "run.paused":
      return { ...state, pausedAt: event.at, phase: "paused" };
    case "run.resumed": {
      // While paused the clock of every deadline stood still.
      const byMs = event.at - (state.pausedAt ?? event.at);
      return {
        ...state,
        pausedAt: null,
        phase:
          state.undoing !== null ? "undoing" : state.waiting === null ? "executing" : "waiting",
        waiting:
          state.waiting === null ? null : { ...state.waiting, until: state.waiting.until + byMs },
        steps: state.steps.map((step) => ({
          ...step,
          deadlineAt: shift(step.deadlineAt, byMs),
          retryAt: shift(step.retryAt, byMs),
        })),
        undoing:
          state.undoing === null ? null : { ...state.undoing, since: state.undoing.since + byMs },
      };
    }
    case "run.undo_requested":
      return {
        ...state,
        phase: "undoing",
        cleanup: "running",
        attention: null,
        undoing: { since: event.at, cause: state.error },
        steps: state.steps.map((step) =>
          step.undo === "failed" ? { ...step, undo: null, undoFailures: 0, undoLosses: 0 } : step,
        ),
      };
    case "run.signalled":
      return { ...state, signals: { ...state.signals, [event.data.name]: event.data.data } };
    case "run.handed_over":
      return { ...state, engineRuns: [...state.engineRuns, event.data.engineRun] };
    case "run.recovered":
      return {
        ...state,
        steps: state.steps.map((step) =>
          isBeingUndone(step) ? { ...step, undoLosses: step.undoLosses + 1 } : step,
        ),
      };
    case "run.retried":
      return {
        ...state,
        retriedBy: event.data.by,
        attention: null,
        // What was held now belongs to the new run, which also takes it back if it must.
        cleanup: state.cleanup === "held" ? "none" : state.cleanup,
      };
    case "run.completed":
      return {
        ...state,
        status: "completed",
        phase: "ended",
        completedAt: event.at,
        waiting: null,
        output: event.data.output,
      };
    case "run.failed":
      return {
        ...state,
        status: "failed",
        phase: "ended",
        completedAt: event.at,
        waiting: null,
        undoing: null,
        error: event.data.error,
        cleanup: event.data.cleanup,
        steps: closeSteps(state),
      };
    case "run.cancelled":
      return {
        ...state,
        status: "cancelled",
        phase: "ended",
        completedAt: event.at,
        waiting: null,
        undoing: null,
        cleanup: event.data.cleanup,
        steps: closeSteps(state),
      };
    case "run.cleaned_up":
      return {
        ...state,
        phase: "ended",
        waiting: null,
        undoing: null,
        cleanup: event.data.cleanup,
      };
    case "run.attention_raised":
      return { ...state, attention: event.data };
    case "run.overtaken":
      return { ...state, attention: null };
    case "run.abandoned":
      return {
        ...state,
        abandoned: true,
        attention: null,
        cleanup: ended(state) && state.cleanup === "held" ? "incomplete" : state.cleanup,
      };
    default:
      return state;
  }
}
