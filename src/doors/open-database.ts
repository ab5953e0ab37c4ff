import { join } from "node:path";
import { offsetClock, systemClock, type Clock } from "#platform/clock.ts";
import type { Config } from "#platform/config.ts";
import type { Database } from "#platform/database.ts";
import { openDataDir, type DataDir } from "#platform/data-dir.ts";
import { openPglite } from "#platform/pglite.ts";
import { openPostgres } from "#platform/postgres.ts";
import { databaseRefused } from "./refused.ts";

/** The data directory, which the embedded database takes for this process alone. Throws DataDirInUse. */
export function takeDataDir(config: Config): DataDir {
  const dir = openDataDir(config.MILLWRIGHT_DATA_DIR);
  if (config.MILLWRIGHT_DATABASE_URL === undefined) dir.lockAlone();
  return dir;
}

/** The configured database. Throws in words when a server does not let us in. */
export async function openDatabase(config: Config, taken: DataDir): Promise<Database> {
  const url = config.MILLWRIGHT_DATABASE_URL;
  if (url !== undefined)
    return openPostgres(url, { maxConnections: 12 }).catch((error: unknown) => {
      throw databaseRefused(error);
    });
  return openPglite(join(taken.path, "database"), {
    shared: config.MILLWRIGHT_ENGINE === "trigger",
  });
}

/** The data directory and the configured database, open. */
export interface Storage {
  readonly dir: DataDir;
  readonly database: Database;
}

export async function openStorage(config: Config, taken?: DataDir): Promise<Storage> {
  const dir = taken ?? takeDataDir(config);
  return { dir, database: await openDatabase(config, dir) };
}

const MEASURE_EVERY_MS = 60_000;

/**
 * The clock by which leases and due times are told. Processes that share a PostgreSQL take its time, so that a machine
 * whose clock is wrong neither steals leases nor sleeps through them.
 */
export async function sharedClock(
  database: Database,
): Promise<{ readonly clock: Clock; stop(): void }> {
  if (database.kind === "pglite") return { clock: systemClock, stop: () => undefined };
  let offsetMs = 0;
  const measure = async (): Promise<void> => {
    const before = Date.now();
    const rows = await database.query<{ at: Date }>("select clock_timestamp() as at");
    const middle = (before + Date.now()) / 2;
    offsetMs = (rows[0]?.at.getTime() ?? middle) - middle;
  };
  await measure();
  const timer = setInterval(() => void measure().catch(() => undefined), MEASURE_EVERY_MS);
  timer.unref();
  return { clock: offsetClock(systemClock, () => offsetMs), stop: () => clearInterval(timer) };
}
