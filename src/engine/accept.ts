import type { z } from "zod";
import type { RunEventData } from "#contract/events.ts";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { activeRun } from "#contract/run-path.ts";
import type { WorkflowType } from "#contract/run.ts";
import type { ResourceKind } from "#domain/resource-model.ts";
import type { Commit, Conflict } from "#journal/journal.ts";
import type { EngineCore } from "./core.ts";
import type { Workflow } from "./kit.ts";
import { limits } from "./limits.ts";
import { isTooLarge } from "./payload.ts";
import { estimateMs, type PlannedFor, planSteps } from "./plan.ts";
import { nameTaken, plannedRefusal } from "./refusals.ts";
import { kindOf } from "./registry.ts";
import type { Accepted, Plan, StartRequest } from "./requests.ts";
import type { LoadedResource } from "./resources.ts";
import { runRow } from "./run-row.ts";
import { foldRun, runEvent } from "./run-stream.ts";

/** What a start may carry beside the door's request: children and retries. */
export interface StartExtras {
  readonly parent?: { readonly run: RunId; readonly step: string };
  readonly retry?: {
    readonly of: RunId;
    readonly fromStep: string | null;
    readonly reused: readonly RunEventData<"step.reused">[];
    /** What the retried run has heard from outside, by name. */
    readonly signals: Readonly<Record<string, unknown>>;
    /** The retried run still holds the resource's lock. */
    readonly takesLock: boolean;
    /** Throws when the run can no longer be retried, as once another retry of it was accepted. */
    current(): Promise<unknown>;
    /** Throws when what the retry builds on is gone. Asked once the resource has been read, so nothing can change unseen. */
    check(): Promise<void>;
    /** Goes into the same transaction: what the retry writes to the old run. */
    readonly also: Commit;
  };
}

/** How often a start that lost a race reads the resource again before it gives up. */
const RACES = 5;

/** Field paths and reasons of a zod error, as `details.fields` gives them. */
export const fieldsOf = (error: z.ZodError, prefix = ""): Record<string, string> =>
  Object.fromEntries(
    error.issues.map((issue) => [
      [prefix, ...issue.path].filter((part) => part !== "").join(".") || "body",
      issue.message,
    ]),
  );

export function workflowOf(core: EngineCore, type: WorkflowType): Workflow {
  const workflow = core.registry.newest(type);
  if (workflow === undefined)
    throw new Failure("VALIDATION_ERROR", `this version has no workflow ${type}`, {
      details: {
        fields: {
          workflow: `must be one of ${core.registry.all.map((each) => each.type).join(", ")}`,
        },
      },
    });
  return workflow;
}

export function checkInput(workflow: Workflow, input: unknown): unknown {
  const parsed = workflow.input.safeParse(input);
  if (!parsed.success) {
    throw new Failure("VALIDATION_ERROR", `the input does not fit ${workflow.type}`, {
      details: { fields: fieldsOf(parsed.error) },
    });
  }
  if (isTooLarge(parsed.data)) {
    throw new Failure("VALIDATION_ERROR", `the input is larger than ${limits.payloadBytes} bytes`, {
      details: { fields: { input: "is too large" } },
    });
  }
  return parsed.data;
}

const busy = (resource: LoadedResource<ResourceKind>, holder: string): Failure =>
  new Failure(
    "CONFLICT",
    `${resource.type} ${resource.id} is being changed by ${holder}; wait for its end or cancel it (one that failed and is held: undo, retry or abandon it)`,
    { details: { ...activeRun(holder), resourceId: resource.id } },
  );

interface Admitted {
  readonly workflow: Workflow;
  readonly input: unknown;
  readonly resource: LoadedResource;
  /** The resource with the facts of the request, if it has any of its own. */
  readonly state: unknown;
  readonly facts: readonly { readonly type: string; readonly data: unknown }[];
}

/** Everything that can refuse a request, in the order in which a caller wants to hear it. Reads only. */
async function admit(
  core: EngineCore,
  request: StartRequest,
  run: RunId,
  extras: StartExtras,
): Promise<Admitted> {
  const workflow = workflowOf(core, request.workflow);
  const input = checkInput(workflow, request.input);
  const { type, id } = workflow.resource({ input });
  const brandNew = request.facts !== undefined;
  const resource: LoadedResource = brandNew
    ? { type, id, state: null, version: request.factsVersion ?? 0, lockHolder: null }
    : await core.resources.load(type, id, false);
  if (!brandNew && resource.state === null)
    throw new Failure("NOT_FOUND", `there is no ${type} ${id}`);
  const mayHold = extras.parent?.run ?? (extras.retry?.takesLock === true ? extras.retry.of : null);
  if (resource.lockHolder !== null && resource.lockHolder !== mayHold) {
    // Another retry of the same run may have been quicker since that run was read: then that is the reason.
    await extras.retry?.current();
    throw busy(resource, resource.lockHolder);
  }
  const given = request.facts ?? [];
  const state = core.resources.evolve(resource, resource.state, given, core.clock.now(), run);
  const admitted = core.resources.admit(resource, state, {
    workflow: request.workflow,
    run,
    input,
    parent: extras.parent?.run ?? null,
  });
  if (admitted instanceof Failure) throw admitted;
  await extras.retry?.check();
  return {
    workflow,
    input,
    resource,
    state: core.resources.evolve(resource, state, admitted, core.clock.now(), run),
    facts: [...given, ...admitted],
  };
}

const timesOf = (core: EngineCore, { type, version }: Workflow) => ({
  pace: core.pace,
  history: core.histories.of(type, version),
});

function requestedData(
  core: EngineCore,
  { request, admitted, extras }: { request: StartRequest; admitted: Admitted; extras: StartExtras },
): RunEventData<"run.requested"> {
  const { workflow, input, resource } = admitted;
  const plan = planSteps(workflow, timesOf(core, workflow), { input, resource: admitted.state });
  return {
    workflow: workflow.type,
    workflowVersion: workflow.version,
    resourceType: resource.type,
    resourceId: resource.id,
    region: core.region,
    project: request.project,
    source: extras.parent === undefined ? request.source : "workflow",
    input,
    plan,
    pivot: workflow.pivot,
    onFailure: workflow.onFailure({ input }),
    estimatedDurationMs: estimateMs(plan),
    retryOf: extras.retry?.of ?? null,
    fromStep: extras.retry?.fromStep ?? null,
    parent: extras.parent ?? null,
    reason: request.by.reason ?? null,
  };
}

/** Accepts a request in one transaction and answers with what was committed. */
export async function accept(
  core: EngineCore,
  request: StartRequest,
  makeExtras: (run: RunId) => StartExtras | Promise<StartExtras> = () => ({}),
): Promise<Accepted> {
  const run = core.ids.run();
  for (let race = 0; ; race += 1) {
    const extras = await makeExtras(run);
    const admitted = await admit(core, request, run, extras);
    const at = core.clock.now();
    const data = requestedData(core, { request, admitted, extras });
    const events = [
      runEvent({ type: "run.requested", data }, at, request.by),
      ...(extras.retry?.reused ?? []).map((reused) =>
        runEvent({ type: "step.reused", data: reused }, at, request.by),
      ),
      ...Object.entries(extras.retry?.signals ?? {}).map(([name, heard]) =>
        runEvent({ type: "run.signalled", data: { name, data: heard } }, at, request.by),
      ),
    ];
    const state = foldRun(run, events);
    if (state === null) throw new Failure("INTERNAL_ERROR", "a request makes a run");
    const written = core.resources.write(admitted.resource, admitted.facts, {
      at,
      run,
      actor: request.by.actor,
      requestId: request.by.requestId,
    });
    const accepted: Accepted = {
      run: state,
      resource: {
        type: admitted.resource.type,
        id: admitted.resource.id,
        state: written.after.state,
      },
    };
    const also = extras.retry?.also;
    const result = await core.journal.commit({
      appends: [{ stream: run, expected: 0, events }, ...written.appends, ...(also?.appends ?? [])],
      rows: [runRow(state), ...written.rows, ...(also?.rows ?? [])],
      dispatch: [
        { run, kind: kindOf(data.workflow, data.workflowVersion), dueAt: at, release: true },
      ],
      ...lockWrites({ resource: admitted.resource.id, run, at }, extras),
      ...(request.secrets !== undefined && {
        secrets: request.secrets.map((secret) => ({ ...secret, run, at })),
      }),
      ...(extras.retry !== undefined && { moveSecrets: [{ from: extras.retry.of, to: run }] }),
      ...(request.idempotency !== undefined && {
        keys: [
          {
            caller: request.idempotency.caller,
            key: request.idempotency.key,
            fingerprint: request.idempotency.fingerprint,
            answer: request.idempotency.answer(accepted),
            at,
          },
        ],
      }),
    });
    if (result.ok) {
      core.expect(at);
      return accepted;
    }
    if (result.conflict.kind === "lock") await extras.retry?.current();
    const failure = refusal(result.conflict, admitted.resource);
    if (failure !== null || race >= RACES)
      throw (
        failure ??
        new Failure("UNAVAILABLE", "the resource keeps changing; try again", {
          retryAfterMs: 1_000,
        })
      );
  }
}

/** A child shares its parent's lock; a retry of a held run takes the lock over; everybody else takes it anew. */
function lockWrites(
  { resource, run, at }: { resource: string; run: RunId; at: number },
  extras: StartExtras,
): Pick<Commit, "takeLocks" | "moveLocks"> {
  if (extras.parent !== undefined) return {};
  return extras.retry?.takesLock === true
    ? { moveLocks: [{ resource, from: extras.retry.of, to: run }] }
    : { takeLocks: [{ resource, run, at }] };
}

/** What a lost race means to the caller; null: read again and retry. */
export function refusal(
  conflict: Conflict,
  resource: LoadedResource<ResourceKind>,
): Failure | null {
  switch (conflict.kind) {
    case "lock":
      return conflict.holder === null ? null : busy(resource, conflict.holder);
    case "key":
      return new Failure(
        "CONFLICT",
        "another request with this Idempotency-Key has just been accepted; send it again to get its answer",
      );
    case "name":
      return nameTaken(resource.type, conflict.holder);
    case "version":
    case "fence":
      return null;
  }
}

/** What `accept` would do, without writing anything. */
export async function planStart(
  core: EngineCore,
  request: StartRequest,
  makeExtras: (run: RunId) => StartExtras = () => ({}),
): Promise<Plan> {
  const workflow = workflowOf(core, request.workflow);
  let planned: PlannedFor | null = null;
  const refusals: Plan["refusals"][number][] = [];
  try {
    const run = core.ids.run();
    const { input, state } = await admit(core, request, run, makeExtras(run));
    planned = { input, resource: state };
  } catch (thrown) {
    refusals.push(plannedRefusal(thrown));
  }
  const plan = planSteps(workflow, timesOf(core, workflow), planned);
  return {
    workflow: workflow.type,
    version: workflow.version,
    estimatedDurationMs: estimateMs(plan),
    pivot:
      workflow.pivot === null
        ? null
        : {
            beforeStep: workflow.steps[workflow.pivot.before]?.name ?? "",
            reason: workflow.pivot.reason,
          },
    steps: workflow.steps.map((step, index) => ({
      name: step.name,
      expectedMs: plan[index]?.expectedMs ?? 0,
      undo:
        step.undo === null
          ? null
          : typeof step.undo === "function"
            ? "undone"
            : `nothing: ${step.undo.why}`,
    })),
    refusals,
  };
}
