import { Failure } from "#contract/failures.ts";
import { accept, planStart, refusal } from "./accept.ts";
import { actOn } from "./acts.ts";
import type { EngineCore } from "./core.ts";
import { planAct } from "./plan-act.ts";
import type { By, Engine, RecordRequest, StoredAnswer } from "./requests.ts";
import { retryRun } from "./retry.ts";
import { signalRun } from "./slice.ts";

/** The verbs of every engine: what they do is journalled before anything executes it, whatever executes it. */

const RACES = 20;

export const engineDoors = (core: EngineCore): Engine => ({
  workflows: core.registry.all,
  pace: core.pace,
  now: () => core.clock.now(),
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
});

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
