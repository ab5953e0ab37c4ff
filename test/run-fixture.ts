import { encodeTime } from "ulid";
import type { PlannedStep } from "#contract/events.ts";
import type { RunStatus, WorkflowType } from "#contract/run.ts";
import type { RunState, StepState } from "#engine/run-state.ts";

/** Runs as the fold would give them, for tests of what is shown of runs. */

export interface RunFixture {
  readonly index?: number;
  readonly createdAt?: number;
  readonly startedAt?: number | null;
  readonly workflow?: WorkflowType;
  readonly status?: RunStatus;
  readonly resourceId?: string;
  readonly actor?: string;
  readonly attention?: boolean;
  readonly retryOf?: string | null;
  readonly plan?: readonly PlannedStep[];
  readonly steps?: readonly StepState[];
}

export const plannedStep = (name: string, expectedMs: number): PlannedStep => ({
  name,
  expectedMs,
  withinMs: 10 * expectedMs,
  overdueAfterMs: 2 * expectedMs,
  undo: "nothing",
});

export const stepState = (name: string, state: Partial<StepState> = {}): StepState => ({
  name,
  status: "pending",
  attempts: 0,
  failures: 0,
  losses: 0,
  undoLosses: 0,
  startedAt: null,
  completedAt: null,
  deadlineAt: null,
  didNothing: false,
  undo: null,
  undoFailures: 0,
  undoStartedAt: null,
  retryAt: null,
  lastWait: null,
  key: null,
  error: null,
  ...state,
});

const INDEX_DIGITS = 16;

export function runStateFixture({
  index = 0,
  createdAt = Date.UTC(2026, 2, 2),
  startedAt = createdAt,
  workflow = "server.inspect",
  status = "running",
  resourceId = "srv_01KAP5ZV9QJ5T1W7R9D0C3M8XH",
  actor = "dana",
  attention = false,
  retryOf = null,
  plan = [],
  steps = [],
}: RunFixture = {}): RunState {
  const isOver = status !== "pending" && status !== "running";
  return {
    id: `run_${encodeTime(createdAt, 10)}${String(index).padStart(INDEX_DIGITS, "0")}`,
    requested: {
      workflow,
      workflowVersion: 1,
      resourceType: "server",
      resourceId,
      region: "local",
      project: "default",
      source: "atlas",
      input: { serverId: resourceId },
      plan: [...plan],
      pivot: null,
      onFailure: "undo",
      estimatedDurationMs: plan.reduce((sum, step) => sum + step.expectedMs, 0),
      retryOf,
      fromStep: null,
      parent: null,
      reason: null,
    },
    actor,
    streamVersion: 1,
    status,
    phase: isOver ? "ended" : status === "pending" ? "queued" : "executing",
    createdAt,
    startedAt,
    completedAt: isOver ? (startedAt ?? createdAt) + 1_000 : null,
    steps,
    waiting: null,
    cancel: null,
    pausedAt: null,
    undoing: null,
    error: null,
    cleanup: "none",
    attention: attention
      ? { code: "ERASE_FAILED", message: "m", step: null, done: [], notDone: [], waysOut: [] }
      : null,
    abandoned: false,
    retriedBy: null,
    engineRuns: [],
    updatedAt: createdAt,
    outputs: {},
    memos: {},
    signals: {},
    output: null,
  };
}
