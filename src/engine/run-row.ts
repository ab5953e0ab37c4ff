import type { RowWrite } from "#journal/journal.ts";
import { freshStep } from "./evolve.ts";
import type { RunState, StepState } from "./run-state.ts";

/**
 * The read model's row of a run. It is written again with every step, so it says as little as it can: what never
 * changes has columns of its own, and of a step only what differs from one that has not begun.
 */

const instant = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** The folded run as the read model knows it: without what only the runner needs, and without input and output. */
export type StoredRunState = Omit<
  RunState,
  "requested" | "outputs" | "memos" | "signals" | "output"
> & {
  readonly requested: Omit<RunState["requested"], "input">;
};

type BriefStep = Pick<StepState, "name"> & Partial<StepState>;

/** The columns of which `storedRun` makes the state. */
export interface StoredColumns {
  readonly state: Omit<StoredRunState, "requested" | "steps"> & {
    readonly steps: readonly BriefStep[];
  };
  readonly request: StoredRunState["requested"];
}

const untouched = Object.entries(freshStep(""));

function briefly(step: StepState): BriefStep {
  const { name } = step;
  const brief: Record<string, unknown> = { name };
  for (const [field, usual] of untouched) {
    const value = step[field as keyof StepState];
    if (field !== "name" && value !== usual) brief[field] = value;
  }
  return brief as BriefStep;
}

export const storedRun = ({ state, request }: StoredColumns): StoredRunState => ({
  ...state,
  requested: request,
  steps: state.steps.map((step) => ({ ...freshStep(step.name), ...step })),
});

/** A function of the folded stream and nothing else, so `rebuild` gives the same. */
export function runRow(run: RunState): RowWrite {
  const {
    outputs: _outputs,
    memos: _memos,
    signals: _signals,
    output,
    requested,
    steps,
    ...rest
  } = run;
  const { input, ...request } = requested;
  const stored: StoredColumns = { state: { ...rest, steps: steps.map(briefly) }, request };
  return {
    table: "runs",
    id: run.id,
    columns: {
      id: run.id,
      type: request.workflow,
      version: request.workflowVersion,
      status: run.status,
      phase: run.phase,
      resource_type: request.resourceType,
      resource_id: request.resourceId,
      region: request.region,
      project: request.project,
      triggered_by: run.actor,
      retry_of: request.retryOf,
      parent: request.parent?.run ?? null,
      attention: run.attention !== null,
      created_at: instant(run.createdAt),
      started_at: instant(run.startedAt),
      completed_at: instant(run.completedAt),
      stream_version: run.streamVersion,
      ...stored,
      input: (input ?? null) as object,
      output: (output ?? null) as object,
    },
  };
}
