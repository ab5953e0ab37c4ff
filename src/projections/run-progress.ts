import type { StoredRunState } from "#engine/run-row.ts";
import type { StepState } from "#engine/run-state.ts";

/** How far a run is, told from its expected times. Pure; all times in ms since 1970. */
export interface RunProgress {
  /** Share of the expected time that is done, 0 to 100; 100 only when completed. */
  readonly percent: number;
  /** The step that is under way, being undone, or that failed. */
  readonly step: string | null;
  readonly completed: number;
  readonly total: number;
  /** When the run should end; null when nobody can say (not running, paused, undoing, overdue). */
  readonly etaAt: number | null;
  /** The present step (or its undo) has taken longer than it should. */
  readonly overdue: boolean;
}

/** A step that runs longer than expected stays short of done, so that the bar stands still rather than lies. */
const MOST_OF_A_STEP = 0.95;

/** Steps that a failed or cancelled run never came to are `skipped` too; they never ended and are not done. */
const isDone = (step: StepState): boolean =>
  step.status === "completed" ||
  step.status === "reused" ||
  (step.status === "skipped" && step.completedAt !== null);

/** The step whose undo began last and has not ended. */
const beingUndone = (run: StoredRunState): StepState | undefined =>
  run.phase === "undoing"
    ? run.steps.findLast((step) => step.undoStartedAt !== null && step.undo !== "undone")
    : undefined;

export function runProgress(run: StoredRunState, now: number): RunProgress {
  const plan = new Map(run.requested.plan.map((step) => [step.name, step]));
  const weight = (step: StepState): number => Math.max(plan.get(step.name)?.expectedMs ?? 0, 1);
  const overdueAfter = (step: StepState): number =>
    plan.get(step.name)?.overdueAfterMs ?? Number.POSITIVE_INFINITY;

  // A paused run's clock stands still, so that neither progress nor lateness grows while a person thinks.
  const clock = run.pausedAt === null ? now : Math.min(now, run.pausedAt);
  const totalMs = run.steps.reduce((sum, step) => sum + weight(step), 0);
  const doneMs = run.steps.filter(isDone).reduce((sum, step) => sum + weight(step), 0);
  const current = run.steps.find((step) => !isDone(step));
  const undoing = beingUndone(run);

  const stoppedAt = current?.completedAt ?? run.undoing?.since ?? run.completedAt ?? clock;
  const elapsedMs =
    current === undefined || current.startedAt === null
      ? 0
      : Math.max(0, Math.min(stoppedAt, clock) - current.startedAt);
  const currentMs =
    current === undefined ? 0 : Math.min(elapsedMs, weight(current) * MOST_OF_A_STEP);

  const percent =
    run.status === "completed"
      ? 100
      : totalMs === 0
        ? 0
        : Math.min(99, Math.floor((100 * (doneMs + currentMs)) / totalMs));

  const moving = run.status === "running" && run.phase !== "ended";
  const overdue =
    moving &&
    (undoing !== undefined
      ? undoing.undoStartedAt !== null && clock - undoing.undoStartedAt > overdueAfter(undoing)
      : run.phase !== "undoing" && current !== undefined && elapsedMs > overdueAfter(current));
  const predictable =
    moving && !overdue && run.pausedAt === null && run.undoing === null && current !== undefined;

  return {
    percent,
    step:
      undoing?.name ?? run.error?.step ?? (run.status === "running" ? current?.name : null) ?? null,
    completed: run.steps.filter(isDone).length,
    total: run.steps.length,
    etaAt: predictable
      ? now + Math.round(totalMs - doneMs - Math.min(elapsedMs, weight(current)))
      : null,
    overdue,
  };
}
