import type { JournalledFailure, RunEventData } from "#contract/events.ts";
import type { RunId } from "#contract/ids.ts";
import type {
  Attention,
  Cleanup,
  RunPhase,
  RunStatus,
  StepStatus,
  UndoStatus,
  Waiting,
} from "#contract/run.ts";

/** A run folded from its stream: plain data, all times in ms since 1970. */

export interface StepState {
  readonly name: string;
  readonly status: StepStatus;
  /** Started attempts, crashes included. */
  readonly attempts: number;
  /** Attempts that failed since it last had a look at the world: what `attempts` of the failure table limits. */
  readonly failures: number;
  /** Attempts that a dead process never reported. */
  readonly losses: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  /** The step fails at this time; moved when the run was paused. */
  readonly deadlineAt: number | null;
  /** It was skipped at its first look or before, so there is nothing that its undo could take back. */
  readonly didNothing: boolean;
  readonly undo: UndoStatus | null;
  readonly undoFailures: number;
  /** Attempts of the undo that a dead process never reported. */
  readonly undoLosses: number;
  readonly undoStartedAt: number | null;
  /** When a failed attempt (of the step or, while undoing, of its undo) is tried again. */
  readonly retryAt: number | null;
  /** Why it last waited, once it no longer does: what was seen before it was begun or tried again. */
  readonly lastWait: string | null;
  /** The idempotency key when what the step has done is another run's (`step.reused`). */
  readonly key: string | null;
  readonly error: JournalledFailure | null;
}

export interface RunState {
  readonly id: RunId;
  readonly requested: RunEventData<"run.requested">;
  readonly actor: string;
  /** Version of the run's stream. */
  readonly streamVersion: number;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly steps: readonly StepState[];
  readonly waiting:
    | (Omit<Waiting, "since" | "until"> & { readonly since: number; readonly until: number })
    | null;
  readonly cancel: {
    readonly at: number;
    readonly actor: string;
    readonly reason: string | null;
  } | null;
  readonly pausedAt: number | null;
  /** Set from the first undo on, with the failure that started it (null for a cancel). */
  readonly undoing: {
    readonly since: number;
    readonly cause: (JournalledFailure & { readonly step: string | null }) | null;
  } | null;
  readonly error: (JournalledFailure & { readonly step: string | null }) | null;
  readonly cleanup: Cleanup;
  readonly attention: Attention | null;
  readonly abandoned: boolean;
  readonly retriedBy: RunId | null;
  readonly engineRuns: readonly string[];
  readonly updatedAt: number;
  /** Outputs by step; left out of the read model. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** What each step's last wait asked to remember; left out of the read model. */
  readonly memos: Readonly<Record<string, unknown>>;
  readonly signals: Readonly<Record<string, unknown>>;
  readonly output: unknown;
}
