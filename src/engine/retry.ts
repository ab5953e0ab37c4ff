import type { RunEventData } from "#contract/events.ts";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { Commit } from "#journal/journal.ts";
import { accept, planStart, workflowOf, type StartExtras } from "./accept.ts";
import type { EngineCore } from "./core.ts";
import { hasStarted } from "./decide.ts";
import { refuseLostSecrets } from "./lost-secrets.ts";
import { refuseOvertaken } from "./overtaken.ts";
import type { Accepted, By, Idempotency, Plan, RetryRequest, StartRequest } from "./requests.ts";
import { runRow } from "./run-row.ts";
import type { RunState, StepState } from "./run-state.ts";
import { foldOnto, loadRun, runEvent } from "./run-stream.ts";

/** A retry is a new run with the old one's input, from the start or from a step whose predecessors' effects still stand. */

/**
 * The step's effect is still in the world: it ended well and was not taken back, or has nothing to take back. A step
 * that was shown as skipped because the run ended before it has no effect.
 */
const stands = (
  step: StepState,
  planned: { readonly undo: "undo" | "nothing" | null } | undefined,
): boolean =>
  (step.status === "completed" || step.status === "reused" || step.status === "skipped") &&
  step.completedAt !== null &&
  (planned?.undo === "nothing" || (step.undo !== "undone" && step.undo !== "failed"));

/** Steps before `fromStep` that began, as `step.reused` events; those that had nothing to do have nothing to do again. Pure. Throws VALIDATION_ERROR, INVALID_STATE_TRANSITION. */
export function reusedSteps(run: RunState, fromStep: string): RunEventData<"step.reused">[] {
  const index = run.steps.findIndex((step) => step.name === fromStep);
  if (index === -1) {
    const names = run.steps.map((step) => step.name);
    throw new Failure("VALIDATION_ERROR", `${run.requested.workflow} has no step ${fromStep}`, {
      details: { fields: { fromStep: `must be one of ${names.join(", ")}` }, steps: names },
    });
  }
  const firstGone = run.steps.findIndex((step, at) => !stands(step, run.requested.plan[at]));
  if (firstGone !== -1 && firstGone < index) {
    const earliestStep = run.steps[firstGone]?.name ?? fromStep;
    throw new Failure(
      "INVALID_STATE_TRANSITION",
      `run ${run.id} can be retried from ${earliestStep} at the latest: its effect, which ${fromStep} builds on, no longer stands`,
      { details: { earliestStep, latestStep: earliestStep } },
    );
  }
  const begun = run.steps.slice(0, index).filter(hasStarted);
  return begun.map((step) => ({
    step: step.name,
    output: run.outputs[step.name] ?? null,
    fromRun: run.id,
    // The world knows the effect under the key of the run that brought it about.
    key: step.key ?? `${run.id}/${step.name}`,
    ...(step.status === "skipped" && { skipped: { didNothing: step.didNothing } }),
  }));
}

interface Retry {
  readonly run: RunId;
  readonly by: By;
  readonly retry: RetryRequest;
  readonly idempotency?: Idempotency<Accepted>;
}

interface Prepared {
  readonly request: StartRequest;
  /** Reads the old run again each time: of two retries at the same moment the second finds the first. */
  readonly extras: (newRun: RunId) => Promise<StartExtras>;
  readonly extrasForPlan: StartExtras;
}

/** The run that is to be retried, if it is in a state for that. Throws INVALID_STATE_TRANSITION. */
async function loadRetryable(core: EngineCore, id: RunId): Promise<RunState> {
  const old = await loadRun(core.journal, id);
  if (old.completedAt === null || old.status === "completed") {
    throw new Failure(
      "INVALID_STATE_TRANSITION",
      `run ${id} is ${old.status}; only a failed or cancelled run can be retried`,
      {
        details: { status: old.status },
      },
    );
  }
  if (old.retriedBy !== null) {
    throw new Failure(
      "INVALID_STATE_TRANSITION",
      `run ${id} was retried by ${old.retriedBy}; retry that one`,
      {
        details: { retriedBy: old.retriedBy },
      },
    );
  }
  if (old.undoing !== null) {
    throw new Failure(
      "INVALID_STATE_TRANSITION",
      `run ${id} is being undone; retry it when that has ended`,
      { details: { phase: old.phase } },
    );
  }
  return old;
}

async function prepare(
  core: EngineCore,
  { run: id, by, retry, idempotency }: Retry,
): Promise<Prepared> {
  const old = await loadRetryable(core, id);
  const workflow = workflowOf(core, old.requested.workflow);
  const fromStep = retry.fromStep ?? null;
  if (fromStep !== null && workflow.version !== old.requested.workflowVersion) {
    throw new Failure(
      "INVALID_STATE_TRANSITION",
      `run ${id} has steps of version ${old.requested.workflowVersion}; ${workflow.type} is at ${workflow.version}: retry it from the start`,
      {
        details: { earliestStep: old.steps[0]?.name },
      },
    );
  }
  const reused = fromStep === null ? [] : reusedSteps(old, fromStep);
  const input =
    retry.input === undefined
      ? old.requested.input
      : { ...(old.requested.input as object), ...retry.input };
  const oldResource = workflow.resource({ input });
  if (oldResource.id !== old.requested.resourceId) {
    throw new Failure("VALIDATION_ERROR", "a retry changes the same resource", {
      details: { fields: { input: `must be about ${old.requested.resourceId}` } },
    });
  }
  // A held run that starts over would leave what it holds behind: it must be undone first, or continued.
  if (old.cleanup === "held" && fromStep === null) {
    throw new Failure(
      "INVALID_STATE_TRANSITION",
      `run ${id} holds partial state: retry it fromStep, or undo it first`,
      {
        details: {
          cleanup: old.cleanup,
          latestStep: old.steps.find((step) => step.status === "failed")?.name,
        },
      },
    );
  }
  // A held child has no lock to pass on: it ran under its parent's.
  const takesLock = old.cleanup === "held" && old.requested.parent === null;
  const current = () => loadRetryable(core, old.id);
  const check = async (): Promise<void> => {
    if (reused.length > 0) await refuseOvertaken(core.database, old, current);
    const fresh = (retry.secrets ?? []).map(({ id: secret }) => secret);
    await refuseLostSecrets(core, { run: old, workflow, input, fresh });
  };
  const base = { of: old.id, fromStep, reused, takesLock, current, check };
  const alsoFor = (newRun: RunId, now: RunState): Commit => {
    const events = [
      runEvent(
        { type: "run.retried", data: { by: newRun, reason: by.reason ?? null } },
        core.clock.now(),
        by,
      ),
    ];
    return {
      appends: [{ stream: now.id, expected: now.streamVersion, events }],
      rows: [runRow(foldOnto(now, events))],
    };
  };
  const source = old.requested.source === "workflow" ? "atlas" : old.requested.source;
  return {
    request: {
      workflow: old.requested.workflow,
      input,
      project: old.requested.project,
      source,
      by,
      ...(await madeAnew(core, old)),
      ...(retry.secrets !== undefined && { secrets: retry.secrets }),
      ...(idempotency !== undefined && { idempotency }),
    },
    extras: async (newRun) => {
      const now = await loadRetryable(core, old.id);
      const signals = fromStep === null ? {} : heardBy(now);
      return { retry: { ...base, signals, also: alsoFor(newRun, now) } };
    },
    extrasForPlan: { retry: { ...base, signals: {}, also: { appends: [] } } },
  };
}

/** Signals that a retry goes on with. What a child told its parent is about that child, and a retry starts its own. */
const heardBy = ({ signals }: RunState): RunState["signals"] =>
  Object.fromEntries(Object.entries(signals).filter(([name]) => !name.startsWith("child:")));

/**
 * A resource that the old run was to make and whose record went with its undo is made anew: admitting the run makes it,
 * as it did the first time, and from the input as it is now. Its facts go on in the same stream.
 */
async function madeAnew(
  core: EngineCore,
  { requested }: RunState,
): Promise<Pick<StartRequest, "facts" | "factsVersion">> {
  const resource = await core.resources.load(requested.resourceType, requested.resourceId, false);
  return resource.state === null && resource.version > 0
    ? { facts: [], factsVersion: resource.version }
    : {};
}

export async function retryRun(core: EngineCore, retry: Retry): Promise<Accepted> {
  const prepared = await prepare(core, retry);
  return accept(core, prepared.request, prepared.extras);
}

export async function planRetry(core: EngineCore, retry: Retry): Promise<Plan> {
  const prepared = await prepare(core, retry);
  return planStart(core, prepared.request, () => prepared.extrasForPlan);
}
