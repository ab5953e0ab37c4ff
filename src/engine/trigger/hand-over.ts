import type { RunEvent } from "#contract/events.ts";
import { type EngineCore } from "#engine/core.ts";
import type { RunState } from "#engine/run-state.ts";
import { foldOnto, loadRun, recovered, runEvent } from "#engine/run-stream.ts";
import { runRow } from "#engine/run-row.ts";
import type { Lease } from "#engine/slice.ts";
import { isWorker, ownerOfHanded } from "./owners.ts";
import { PlatformAway, type TriggerPlatform } from "./platform.ts";

/**
 * Handing a slice over: the row that was claimed is triggered at the platform, and is then held in the Trigger run's
 * name until a worker takes it, or until the lease that it waits under expires.
 *
 *   claimed (fence = slice) ─▶ triggered ─▶ held for `trigger/<Trigger run>` ─▶ taken by `worker/<Trigger run>`
 *
 * A process that dies on the way leaves a lease that expires; the next claim triggers the next slice, and if the earlier
 * one is executed after all, its fence is too old.
 */

export interface HandOverOptions {
  readonly core: EngineCore;
  readonly platform: TriggerPlatform;
  /** How long a slice may be queued before somebody asks the platform what became of it. */
  readonly queuedMs: number;
}

const RACES = 20;

/** After the platform did not answer, ms. */
const AWAY_PAUSE_MS = 2_000;

export class HandOver {
  readonly #options: HandOverOptions;
  #trouble: { readonly reason: string; readonly since: number } | null = null;
  #heldUntil = 0;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** Why nothing can be handed over now, and since when. */
  get trouble(): { readonly reason: string; readonly since: number } | null {
    return this.#trouble;
  }

  /** Until then the platform is left alone. */
  get heldUntil(): number {
    return this.#heldUntil;
  }

  /** Throws what the platform threw; the dispatcher then pauses the run. */
  async carry(lease: Lease): Promise<void> {
    const { core, platform } = this.#options;
    const run = await loadRun(core.journal, lease.run);
    const { workflow, resourceId } = run.requested;
    const triggerRun = await this.watched(() =>
      platform.trigger({
        task: workflow,
        payload: { runId: run.id, slice: lease.fence },
        resourceId,
        // What takes things back goes before what begins.
        priority: run.cancel !== null || run.undoing !== null ? 60 : 0,
      }),
    );
    await this.#hold(lease, triggerRun);
    await this.#note(run, lease, triggerRun);
  }

  /** Asks the platform, and remembers whether it is well. */
  async watched<T>(ask: () => Promise<T>): Promise<T> {
    const { core } = this.#options;
    try {
      const answer = await ask();
      if (this.#trouble !== null)
        core.log("info", "trigger.back", { awaySince: this.#trouble.since });
      this.#trouble = null;
      this.#heldUntil = 0;
      return answer;
    } catch (thrown) {
      const now = core.clock.now();
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      if (this.#trouble === null) core.log("warn", "trigger.away", { reason });
      this.#trouble = { reason, since: this.#trouble?.since ?? now };
      const until = thrown instanceof PlatformAway ? thrown.until : null;
      this.#heldUntil = until ?? now + AWAY_PAUSE_MS;
      throw thrown;
    }
  }

  /** From now on the lease is the Trigger run's, unless a worker was quicker. */
  async #hold(lease: Lease, triggerRun: string): Promise<void> {
    const { core, queuedMs } = this.#options;
    await core.database.query(
      `update dispatch set owner = $4, lease_until = $5
        where run_id = $1 and owner = $2 and fence = $3`,
      [
        lease.run,
        lease.owner,
        lease.fence,
        ownerOfHanded(triggerRun),
        new Date(core.clock.now() + queuedMs),
      ],
    );
  }

  /** The journal says where the slice went, and that the one before it was lost if a worker never gave it back. */
  async #note(read: RunState, lease: Lease, triggerRun: string): Promise<void> {
    const { core } = this.#options;
    let run = read;
    for (let race = 0; race < RACES; race += 1) {
      const at = core.clock.now();
      const events = eventsOf(run, lease, triggerRun).map((event) => runEvent(event, at));
      const after = foldOnto(run, events);
      const result = await core.journal.commit({
        appends: [{ stream: run.id, expected: run.streamVersion, events }],
        rows: [runRow(after)],
      });
      if (result.ok) return;
      run = await loadRun(core.journal, lease.run);
    }
    core.log("warn", "the hand-over could not be noted in the run", { run: lease.run, triggerRun });
  }
}

function eventsOf(run: RunState, lease: Lease, triggerRun: string): RunEvent[] {
  const handed: RunEvent = {
    type: "run.handed_over",
    data: { slice: lease.fence, engine: "trigger", engineRun: triggerRun },
  };
  if (lease.lostOwner === null || !isWorker(lease.lostOwner)) return [handed];
  return [recovered(run, lease.lostOwner), handed];
}
