import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { createSealer } from "./seals.ts";
import type { SecretStore } from "./secrets.ts";

/** Housekeeping: what has expired goes, what has settled is sealed, and the embedded database gets the care that a server gives itself. */

const SWEEP_EVERY_MS = 10 * 60_000;
const SEAL_EVERY_MS = 60_000;
const KEYS_KEPT_MS = 24 * 3_600_000;
/** PGlite has no autovacuum and no checkpointer; its write-ahead log and hot tables would grow without them. */
const TENDED_TABLES = [
  "dispatch",
  "streams",
  "locks",
  "runs",
  "servers",
  "clusters",
  "vms",
  "pools",
  "events",
];

export interface MaintainOptions {
  readonly database: Database;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly log: Log;
}

export async function sweep({ database, secrets, clock }: MaintainOptions): Promise<void> {
  await secrets.sweep();
  await database.query("delete from idempotency_keys where created_at < $1", [
    new Date(clock.now() - KEYS_KEPT_MS),
  ]);
  if (database.kind === "pglite") {
    for (const table of TENDED_TABLES) await database.script(`vacuum (analyze) ${table}`);
    await database.script("checkpoint");
  }
}

/** Sweeps and seals from time to time; returns how to stop. */
export function maintain(options: MaintainOptions): () => void {
  const seal = createSealer(options);
  const every = (ms: number, work: () => Promise<void>): NodeJS.Timeout =>
    setInterval(() => {
      work().catch((error: unknown) =>
        options.log("warn", "housekeeping failed; it is tried again later", { error }),
      );
    }, ms).unref();
  const timers = [every(SWEEP_EVERY_MS, () => sweep(options)), every(SEAL_EVERY_MS, seal)];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
