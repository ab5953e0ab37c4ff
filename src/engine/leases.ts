import type { RunId } from "#contract/ids.ts";
import type { EngineCore } from "./core.ts";

/**
 * Leases of the schedule's rows. Whoever holds a run's lease under the newest fence may append to it; every change of
 * the holder raises the fence or keeps who knew it.
 */

export interface Renewed {
  readonly run: RunId;
  readonly fence: number;
  /** The run was asked to be cancelled: the step that runs must stop. */
  readonly cancelled: boolean;
}

/** Renews the leases that `owner` still holds of these runs, in one statement; what is missing is held by others. */
export async function renewLeases(
  { database, clock }: Pick<EngineCore, "database" | "clock">,
  { owner, runs, leaseMs }: { owner: string; runs: readonly string[]; leaseMs: number },
): Promise<readonly Renewed[]> {
  const rows = await database.query<{ run_id: RunId; fence: number; cancelled: boolean }>(
    `update dispatch d set lease_until = $3 from runs r
      where d.owner = $1 and d.run_id = any($2) and r.id = d.run_id
      returning d.run_id, d.fence, jsonb_typeof(r.state->'cancel') = 'object' as cancelled`,
    [owner, runs, new Date(clock.now() + leaseMs)],
  );
  return rows.map(({ run_id, fence, cancelled }) => ({ run: run_id, fence, cancelled }));
}
