import { workflowOf } from "./accept.ts";
import { type Act, consequence } from "./acts.ts";
import type { EngineCore } from "./core.ts";
import { isPastPivot, undoable } from "./decide.ts";
import { failedStep } from "./evolve.ts";
import type { Workflow } from "./kit.ts";
import { estimateMs } from "./plan.ts";
import { plannedRefusal } from "./refusals.ts";
import type { ActRequest, Plan, RetryRequest } from "./requests.ts";
import { planRetry } from "./retry.ts";
import type { RunState } from "./run-state.ts";
import { foldOnto, loadRun, runEvent } from "./run-stream.ts";

/** See `Engine.planAct`. Reads only. */
export async function planAct(
  core: EngineCore,
  act: Act | "retry",
  request: ActRequest & { readonly retry?: RetryRequest },
): Promise<Plan> {
  const run = await loadRun(core.journal, request.run);
  try {
    if (act === "retry") {
      const retry = request.retry ?? {};
      return onwards(await planRetry(core, { run: run.id, by: request.by, retry }), retry);
    }
    const { events } = consequence(run, act, request.by.reason ?? null);
    const at = core.clock.now();
    const after = foldOnto(
      run,
      events.map((event) => runEvent(event, at, request.by)),
    );
    return { ...describe(core, run, whatRuns(after)), refusals: [] };
  } catch (thrown) {
    return { ...describe(core, run, nothingRuns), refusals: [plannedRefusal(thrown)] };
  }
}

/** Which of a run's steps an engine still carries out, in that order, and which way. */
export interface Rest {
  readonly way: "forward" | "undo";
  readonly steps: readonly number[];
}

const nothingRuns: Rest = { way: "forward", steps: [] };

/** Pure: what is left of a run when nothing else happens to it. A pause is looked through: it ends some day. */
export function whatRuns(run: RunState): Rest {
  if (run.undoing !== null || isTurnedBack(run)) {
    // An undo that was given up, or whose rest a person does, ends the undoing.
    const isOver = run.abandoned || run.steps.some(({ undo }) => undo === "failed");
    return { way: "undo", steps: isOver ? [] : undoable(run) };
  }
  if (run.completedAt !== null || failedStep(run) !== undefined) return nothingRuns;
  const steps = run.steps.flatMap(({ status }, index) =>
    status === "completed" || status === "reused" || status === "skipped" ? [] : [index],
  );
  return { way: "forward", steps };
}

const isTurnedBack = (run: RunState): boolean =>
  run.completedAt === null &&
  !isPastPivot(run) &&
  (run.cancel !== null || (failedStep(run) !== undefined && run.requested.onFailure === "undo"));

/** A retry from a later step leaves out what it takes over. */
function onwards(plan: Plan, { fromStep }: RetryRequest): Plan {
  const first = plan.steps.findIndex(({ name }) => name === fromStep);
  if (first <= 0) return plan;
  const steps = plan.steps.slice(first);
  return { ...plan, steps, estimatedDurationMs: estimateMs(steps) };
}

/** The run's own steps as planned when it was accepted. An undo is taken to last as long as its step was expected to. */
function describe(core: EngineCore, run: RunState, rest: Rest): Omit<Plan, "refusals"> {
  const { workflow: type, workflowVersion, pivot, plan } = run.requested;
  const workflow = workflowOf(core, type);
  const steps = rest.steps.flatMap((index) => plan[index] ?? []);
  return {
    workflow: type,
    version: workflowVersion,
    estimatedDurationMs: estimateMs(steps),
    pivot:
      pivot === null
        ? null
        : { beforeStep: run.steps[pivot.before]?.name ?? "", reason: pivot.reason },
    steps: steps.map(({ name, expectedMs, undo }) => ({
      name,
      expectedMs,
      undo: undo === "nothing" ? `nothing: ${whyNothing(workflow, name)}` : undo && "undone",
    })),
  };
}

function whyNothing(workflow: Workflow, name: string): string {
  const undo = workflow.steps.find((step) => step.name === name)?.undo ?? null;
  return undo === null || typeof undo === "function" ? "" : undo.why;
}
