import { Failure } from "#contract/failures.ts";
import type { WorkflowType } from "#contract/run.ts";
import type { OpenJournal } from "#journal/postgres-journal.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Ids } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";
import { accept, planStart, refusal, workflowOf } from "./accept.ts";
import { actOn, consequence } from "./acts.ts";
import type { EngineCore } from "./core.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Histories } from "./history.ts";
import type { Workflow } from "./kit.ts";
import { WorkflowRegistry } from "./registry.ts";
import type {
  ActRequest,
  By,
  Engine,
  Plan,
  RecordRequest,
  RetryRequest,
  StoredAnswer,
} from "./requests.ts";
import { Resources, type ResourceBindings } from "./resources.ts";
import { planRetry, retryRun } from "./retry.ts";
import { loadRun } from "./run-stream.ts";
import { signalRun } from "./slice.ts";
import type { RunState } from "./run-state.ts";

/** The embedded engine: the doors' verbs, and a dispatcher that runs slices in this process. */

export interface EmbeddedEngineOptions {
  readonly database: Database;
  readonly journal: OpenJournal;
  readonly workflows: readonly Workflow[];
  readonly resources: ResourceBindings;
  readonly ports: object;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: () => number;
  readonly log: Log;
  readonly region: string;
  readonly pace: number;
  readonly owner: string;
  readonly concurrency: number;
  readonly leaseMs: number;
}

export interface EmbeddedEngine extends Engine {
  /** Starts running what is due. `deadOwners`: processes that are certainly gone. */
  run(deadOwners: readonly string[]): Promise<void>;
  stop(patienceMs: number): Promise<void>;
  readonly status: Dispatcher["status"];
}

const RACES = 20;
/** Says on PostgreSQL which run's step must stop, so that a cancel reaches the process that runs it at once. */
const CANCELS = "millwright_cancel";

export function createEmbeddedEngine(options: EmbeddedEngineOptions): EmbeddedEngine {
  const { database, journal, clock } = options;
  const registry = new WorkflowRegistry(options.workflows);
  const stops: (() => void | Promise<void>)[] = [];

  const core: EngineCore = {
    database,
    journal,
    registry,
    resources: new Resources(database, options.resources),
    histories: new Histories(database, () => clock.now()),
    clock,
    ids: options.ids,
    random: options.random,
    log: options.log,
    region: options.region,
    pace: options.pace,
    expect: (dueAt) => dispatcher.expect(dueAt),
    cancelStep(run) {
      dispatcher.cancelStep(run);
      if (database.kind === "postgres") {
        database.query("select pg_notify($1, $2)", [CANCELS, run]).catch(() => undefined);
      }
    },
  };
  const dispatcher = new Dispatcher(core, options);

  return {
    workflows: registry.all,
    pace: options.pace,
    now: () => clock.now(),
    get status() {
      return dispatcher.status;
    },
    async run(deadOwners) {
      if (database.kind === "postgres") {
        stops.push(await database.listen(CANCELS, (run) => dispatcher.cancelStep(run)));
        // What we commit ourselves, we know of; others may have made something due.
        stops.push(
          journal.onCommit((byOthers) => {
            if (byOthers) dispatcher.glance();
          }),
        );
      }
      await dispatcher.start(deadOwners);
    },
    async stop(patienceMs) {
      await dispatcher.stop(patienceMs);
      for (const stop of stops) await stop();
    },
    start: (request) => accept(core, request),
    plan: (request) => planStart(core, request),
    cancel: (request) => actOn(core, "cancel", request),
    pause: (request) => actOn(core, "pause", request),
    resume: (request) => actOn(core, "resume", request),
    undo: (request) => actOn(core, "undo", request),
    abandon: (request) => actOn(core, "abandon", request),
    retry: (request) => retryRun(core, request),
    planAct: (act, request) => planAct(core, act, request),
    signal: (run, name, data) => signalRun(core, run, name, data),
    record: (request) => record(core, request),
    recall: (caller, key, fingerprint) => recall(core, { caller, key, fingerprint }),
  };
}

async function planAct(
  core: EngineCore,
  act: "cancel" | "pause" | "resume" | "undo" | "abandon" | "retry",
  request: ActRequest & { readonly retry?: RetryRequest },
): Promise<Plan> {
  const run = await loadRun(core.journal, request.run);
  if (act === "retry")
    return planRetry(core, { run: request.run, by: request.by, retry: request.retry ?? {} });
  return {
    ...describe(core, run.requested.workflow, run),
    refusals: refusalsOf(() => consequence(run, act, request.by.reason ?? null)),
  };
}

function refusalsOf(work: () => unknown): Plan["refusals"] {
  try {
    work();
    return [];
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return [
      {
        code: thrown.code,
        message: thrown.message,
        ...(thrown.details !== undefined && { details: thrown.details }),
      },
    ];
  }
}

/** What an act is about: the run's own steps as planned when it was accepted. */
function describe(core: EngineCore, type: WorkflowType, run: RunState): Omit<Plan, "refusals"> {
  const workflow = workflowOf(core, type);
  return {
    workflow: type,
    version: run.requested.workflowVersion,
    estimatedDurationMs: run.requested.estimatedDurationMs,
    pivot:
      run.requested.pivot === null
        ? null
        : {
            beforeStep: run.steps[run.requested.pivot.before]?.name ?? "",
            reason: run.requested.pivot.reason,
          },
    steps: run.requested.plan.map((step) => {
      const definition = workflow.steps.find((each) => each.name === step.name);
      const nothing =
        definition !== undefined &&
        definition.undo !== null &&
        typeof definition.undo !== "function"
          ? definition.undo.why
          : "";
      return {
        name: step.name,
        expectedMs: step.expectedMs,
        undo: step.undo === null ? null : step.undo === "undo" ? "undone" : `nothing: ${nothing}`,
      };
    }),
  };
}

async function record(
  core: EngineCore,
  request: RecordRequest,
): Promise<{ readonly state: unknown }> {
  const { type, id } = request.resource;
  for (let race = 0; race < RACES; race += 1) {
    const resource = await core.resources.load(type, id, false);
    if (resource.state === null) throw new Failure("NOT_FOUND", `there is no ${type} ${id}`);
    const at = core.clock.now();
    const by: By = request.by;
    const written = core.resources.write(resource, request.facts, {
      at,
      run: null,
      actor: by.actor,
      requestId: by.requestId,
    });
    const answered = { state: written.after.state };
    const result = await core.journal.commit({
      appends: written.appends,
      rows: written.rows,
      ...(request.idempotency !== undefined && {
        keys: [
          {
            caller: request.idempotency.caller,
            key: request.idempotency.key,
            fingerprint: request.idempotency.fingerprint,
            answer: request.idempotency.answer(answered),
            at,
          },
        ],
      }),
    });
    if (result.ok) return answered;
    const failure = refusal(result.conflict, resource);
    if (failure !== null) throw failure;
  }
  throw new Failure("UNAVAILABLE", `${type} ${id} keeps changing; try again`, {
    retryAfterMs: 1_000,
  });
}

async function recall(
  core: EngineCore,
  {
    caller,
    key,
    fingerprint,
  }: { readonly caller: string; readonly key: string; readonly fingerprint: string },
): Promise<StoredAnswer | null> {
  const rows = await core.database.query<{ fingerprint: string; answer: StoredAnswer }>(
    "select fingerprint, answer from idempotency_keys where caller = $1 and key = $2",
    [caller, key],
  );
  const row = rows[0];
  if (row === undefined) return null;
  if (row.fingerprint !== fingerprint) {
    throw new Failure(
      "IDEMPOTENCY_KEY_REUSED",
      `the Idempotency-Key ${key} was used before with a different request`,
    );
  }
  return row.answer;
}
