import { Failure } from "#contract/failures.ts";
import { accept, planStart } from "./accept.ts";
import { actOn } from "./acts.ts";
import type { EngineCore } from "./core.ts";
import { planAct } from "./plan-act.ts";
import { planRecord, record } from "./record.ts";
import type { Engine, StoredAnswer } from "./requests.ts";
import { retryRun } from "./retry.ts";
import { signalRun } from "./slice.ts";

/** The verbs of every engine: what they do is journalled before anything executes it, whatever executes it. */

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
  planRecord: (request) => planRecord(core, request),
  recall: (caller, key, fingerprint) => recall(core, { caller, key, fingerprint }),
});

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
