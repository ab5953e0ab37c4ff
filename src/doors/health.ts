import type { RunningEngine } from "#engine/running-engine.ts";
import type { HealthCheck } from "#http/dependencies.ts";
import type { Database } from "#platform/database.ts";

/** A process that has not looked for work for so long does not work any more. */
const STALE_CLAIM_MS = 30_000;
const DATABASE_TIMEOUT_MS = 3_000;

export interface HealthOptions {
  readonly database: Database;
  readonly engine: Pick<RunningEngine, "status" | "trouble">;
  readonly now: () => number;
}

/** What must work before this process can serve, each with the reason when it does not. */
export async function healthOf({
  database,
  engine,
  now,
}: HealthOptions): Promise<readonly HealthCheck[]> {
  return [await databaseCheck(database), engineCheck(engine, now())];
}

async function databaseCheck(database: Database): Promise<HealthCheck> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${DATABASE_TIMEOUT_MS} ms`)),
      DATABASE_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([database.query("select 1"), late]);
    return { name: "database", ok: true };
  } catch (error) {
    return {
      name: "database",
      ok: false,
      message: `the database does not answer: ${error instanceof Error ? error.message : String(error)}`,
    };
  } finally {
    clearTimeout(timer);
  }
}

function engineCheck(engine: Pick<RunningEngine, "status" | "trouble">, now: number): HealthCheck {
  if (engine.trouble !== null) {
    const forS = Math.round((now - engine.trouble.since) / 1_000);
    const message = `${engine.trouble.reason} (for ${forS} s)`;
    return { name: "engine", ok: true, degraded: true, message };
  }
  const { working, lastClaimAt, running } = engine.status;
  if (!working)
    return {
      name: "engine",
      ok: false,
      message: "the engine does not take work: it is starting or stopping",
    };
  const idleMs = now - lastClaimAt;
  // A process that is full does not claim, and is well.
  if (idleMs > STALE_CLAIM_MS && running === 0) {
    return {
      name: "engine",
      ok: false,
      message: `the engine has not looked for work for ${Math.round(idleMs / 1_000)} s`,
    };
  }
  return { name: "engine", ok: true };
}
