import type { RunId } from "#contract/ids.ts";
import { actOn } from "#engine/acts.ts";
import type { EngineCore } from "#engine/core.ts";
import type { HandOver } from "./hand-over.ts";
import { handedPattern, handedTo } from "./owners.ts";
import type { TriggerPlatform } from "./platform.ts";

/**
 * Slices that wait at the platform for a worker. Before such a lease expires the platform is asked: what is still queued
 * there keeps its lease, so that a long queue is not filled with repetitions of itself; what has ended there without
 * having been taken is due again.
 */

export interface QueuedOptions {
  readonly core: EngineCore;
  readonly platform: TriggerPlatform;
  readonly handOver: HandOver;
  readonly queuedMs: number;
  /** What a cancel at the platform means: the run goes on in another slice, or is cancelled too. */
  readonly onCancel: "continue" | "cancel";
}

/** Asked about in one round; the platform's rate limit serves the hand-overs first. */
const AT_ONCE = 50;

interface Row {
  readonly run_id: RunId;
  readonly owner: string;
  readonly fence: number;
}

/** One round; `poke` is called when something became due. */
export async function askAfterQueued(options: QueuedOptions, poke: () => void): Promise<void> {
  const { core, queuedMs } = options;
  const now = core.clock.now();
  const rows = await core.database.query<Row>(
    `select run_id, owner, fence from dispatch
      where owner like $1 and lease_until < $2 order by lease_until limit ${AT_ONCE}`,
    [handedPattern, new Date(now + queuedMs / 2)],
  );
  for (const row of rows) {
    const triggerRun = handedTo(row.owner);
    if (triggerRun === null) continue;
    const fate = await options.handOver
      .watched(() => options.platform.fate(triggerRun))
      // Nobody knows: it is left in peace until the platform is back.
      .catch(() => "alive" as const);
    await core.database.query(
      "update dispatch set lease_until = $4 where run_id = $1 and owner = $2 and fence = $3",
      [row.run_id, row.owner, row.fence, fate === "alive" ? new Date(now + queuedMs) : null],
    );
    if (fate === "alive") continue;
    core.log("warn", "trigger.slice-not-taken", { run: row.run_id, triggerRun, fate });
    if (fate === "cancelled" && options.onCancel === "cancel") await cancelled(core, row.run_id);
    poke();
  }
}

/** A cancel at the platform becomes one of the run, where the run still can be cancelled. */
export async function cancelled(core: EngineCore, run: RunId): Promise<void> {
  const by = { actor: "trigger.dev", reason: "cancelled at Trigger.dev" };
  await actOn(core, "cancel", { run, by }).catch((error: unknown) =>
    core.log("warn", "a cancel at Trigger.dev could not be followed", { run, error }),
  );
}
