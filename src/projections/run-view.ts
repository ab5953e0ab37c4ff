import { codes } from "#contract/failures.ts";
import { runPath } from "#contract/run-path.ts";
import type { Run, Waiting } from "#contract/run.ts";
import type { StoredRunState } from "#engine/run-row.ts";
import type { StepState } from "#engine/run-state.ts";
import { resourcePath } from "./resource-path.ts";
import { runProgress } from "./run-progress.ts";

/** What a view of a run needs besides the run. */
export interface RunViewContext {
  /** ms since 1970. */
  readonly now: number;
  readonly engine: "embedded" | "trigger";
  /** Whether this process can execute that version of that workflow. */
  knows(type: string, version: number): boolean;
  /** Why nothing is executed at present, and since when; null when nothing is wrong. */
  readonly trouble: { readonly reason: string; readonly since: number } | null;
  /** Where the executing engine shows its own runs, by their id; null when it shows none. */
  engineRunUrl(engineRun: string): string | null;
}

const instant = (ms: number): string => new Date(ms).toISOString();
const instantOrNull = (ms: number | null): string | null => (ms === null ? null : instant(ms));

const durationMs = (from: number | null, to: number | null, now: number): number | null =>
  from === null ? null : Math.max(0, Math.round((to ?? now) - from));

const stepView = (step: StepState, now: number): Run["steps"][number] => ({
  name: step.name,
  status: step.status,
  attempts: step.attempts,
  startedAt: instantOrNull(step.startedAt),
  completedAt: instantOrNull(step.completedAt),
  durationMs: durationMs(step.startedAt, step.completedAt, now),
  undo: step.undo,
});

/** Nothing happens to a queued run whose version nobody here knows; unsaid, it would look like a lost one. */
function waitingForAnotherProcess(run: StoredRunState, context: RunViewContext): Waiting | null {
  const { workflow, workflowVersion, plan } = run.requested;
  if (run.phase !== "queued" || context.knows(workflow, workflowVersion)) return null;
  const withinMs = plan.reduce((sum, step) => sum + step.withinMs, 0);
  return {
    reason: `this process does not know ${workflow}@${workflowVersion}; one that does will take the run`,
    since: instant(run.updatedAt),
    until: instant(run.createdAt + withinMs),
    wakesOn: "a process with that version",
  };
}

/** What has been accepted and cannot be begun, because what would execute it is away. */
function waitingForEngine(run: StoredRunState, { trouble }: RunViewContext): Waiting | null {
  if (run.phase !== "queued" || trouble === null) return null;
  const withinMs = run.requested.plan.reduce((sum, step) => sum + step.withinMs, 0);
  return {
    reason: trouble.reason,
    since: instant(Math.max(trouble.since, run.createdAt)),
    until: instant(run.createdAt + withinMs),
    wakesOn: "the engine that executes runs",
  };
}

function waitingView(run: StoredRunState, context: RunViewContext): Waiting | null {
  if (run.waiting === null)
    return waitingForAnotherProcess(run, context) ?? waitingForEngine(run, context);
  const { reason, since, until, wakesOn } = run.waiting;
  return {
    reason,
    since: instant(since),
    until: instant(until),
    ...(wakesOn !== undefined && { wakesOn }),
  };
}

function engineLink(
  { engineRuns }: StoredRunState,
  context: RunViewContext,
): { readonly engine?: string } {
  const newest = engineRuns.at(-1);
  const url = newest === undefined ? null : context.engineRunUrl(newest);
  return url === null ? {} : { engine: url };
}

/**
 * The public run. The same folded state and the same `now` give the same view. `io` is what lists leave out;
 * both belong to single reads only.
 */
export function runView(
  run: StoredRunState,
  io: { readonly input: unknown; readonly output: unknown } | null,
  context: RunViewContext,
): Run {
  const { requested } = run;
  const { etaAt, overdue, ...progress } = runProgress(run, context.now);
  const self = runPath(run.id);
  return {
    id: run.id,
    type: requested.workflow,
    version: requested.workflowVersion,
    status: run.status,
    phase: run.phase,
    resourceType: requested.resourceType,
    resourceId: requested.resourceId,
    region: requested.region,
    project: requested.project,
    triggeredBy: run.actor,
    source: requested.source,
    retryOf: requested.retryOf,
    retriedBy: run.retriedBy,
    fromStep: requested.fromStep,
    parent: requested.parent?.run ?? null,
    createdAt: instant(run.createdAt),
    startedAt: instantOrNull(run.startedAt),
    completedAt: instantOrNull(run.completedAt),
    durationMs: durationMs(run.startedAt, run.completedAt, context.now),
    estimatedDurationMs: Math.round(requested.estimatedDurationMs),
    progress: { ...progress, eta: instantOrNull(etaAt) },
    waiting: waitingView(run, context),
    cleanup: run.cleanup,
    attention: run.attention,
    overdue,
    error:
      run.error === null
        ? null
        : {
            code: run.error.code,
            message: run.error.message,
            step: run.error.step,
            retryable: codes[run.error.code].retry !== "no",
            ...(run.error.details !== undefined && { details: run.error.details }),
          },
    steps: run.steps.map((step) => stepView(step, context.now)),
    ...(io !== null && { input: io.input, output: io.output ?? null }),
    engine: { name: context.engine, runs: [...run.engineRuns] },
    links: {
      ...engineLink(run, context),
      self,
      events: `${self}/events`,
      resource: resourcePath({
        type: requested.resourceType,
        id: requested.resourceId,
        region: requested.region,
        project: requested.project,
      }),
    },
  };
}

/** Ended, and nothing is being undone any more: what a waiter waits for. */
export const isSettled = (run: Pick<StoredRunState, "phase" | "cleanup">): boolean =>
  run.phase === "ended" && run.cleanup !== "running";
