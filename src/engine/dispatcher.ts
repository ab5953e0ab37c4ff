import { setImmediate as nextTurn } from "node:timers/promises";
import type { RunId } from "#contract/ids.ts";
import { MAX_TIMER_MS } from "#platform/clock.ts";
import type { EngineCore } from "./core.ts";
import type { Workflow } from "./kit.ts";
import { type Renewed, renewLeases } from "./leases.ts";
import type { Lease, SliceOptions } from "./slice.ts";
import { SliceSignals } from "./slice-signals.ts";

/**
 * The dispatcher claims runs that are due and has each carried on (a slice in this process, or its hand-over to an
 * engine elsewhere), so many at a time. The table `dispatch` is the
 * schedule and the truth; everything here may be forgotten at any moment.
 *
 *   due ──claim (lease, fence + 1)──▶ leased ──slice ends──▶ due later | off the schedule
 *                                        │  renewed every third of the lease
 *                                        └──holder dies──▶ lease expires ──▶ due, and the next claim sees the lost owner
 *
 * It sleeps until the earliest of: the next due time that it knows of, a poke (something was committed here or, on
 * PostgreSQL, elsewhere), and the poll that catches whatever was missed.
 */

export interface DispatcherOptions {
  readonly owner: string;
  readonly concurrency: number;
  readonly leaseMs: number;
  /** Carries on the run that was claimed. What it throws is logged, and the run is due again after a pause. */
  carry(
    lease: Lease,
    slice: Pick<SliceOptions, "workflow" | "signals" | "stopping">,
  ): Promise<void>;
  /** While this lies ahead nothing is claimed, because it could not be carried on. */
  readonly heldUntil?: () => number;
  /** The longest pause after something thrown; 5 min by default. */
  readonly maxPauseMs?: number;
}

const POLL_MS = 1_000;
/** Commits of other processes do not say what they were about; this often at most they make us look. */
const GLANCE_EVERY_MS = 25;
/** A slice that threw (a bug, a database that stayed away) is tried again after 1 s, doubling up to 5 min. */
const MAX_CRASH_PAUSE_MS = 300_000;

interface Running {
  readonly lease: Lease;
  readonly signals: SliceSignals;
  readonly ended: Promise<void>;
}

interface ClaimedRow {
  readonly run_id: RunId;
  readonly kind: string;
  readonly fence: number;
  readonly lost_owner: string | null;
  readonly attempts: number;
}

export class Dispatcher {
  readonly #core: EngineCore;
  readonly #options: DispatcherOptions;
  readonly #running = new Map<string, Running>();
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #heartbeat: NodeJS.Timeout | null = null;
  #claiming = false;
  #claimAgain = false;
  #claimed: Promise<void> = Promise.resolve();
  #state: "new" | "working" | "stopping" | "stopped" = "new";
  #slices = 0;
  #lastClaimAt = 0;

  constructor(core: EngineCore, options: DispatcherOptions) {
    this.#core = core;
    this.#options = options;
  }

  /** What the metrics and the readiness check want to know. */
  get status(): {
    readonly running: number;
    readonly slices: number;
    readonly lastClaimAt: number;
    readonly working: boolean;
  } {
    return {
      running: this.#running.size,
      slices: this.#slices,
      lastClaimAt: this.#lastClaimAt,
      working: this.#state === "working",
    };
  }

  /** Starts working. Leases of owners that are certainly dead are free at once; the others' expire. */
  async start(deadOwners: readonly string[]): Promise<void> {
    await this.#core.database.query(
      "update dispatch set lease_until = null where owner = any($1) and lease_until is not null",
      [deadOwners],
    );
    this.#state = "working";
    // From here on a first look that does not come is late; before, nobody could have looked.
    this.#lastClaimAt = this.#core.clock.now();
    const everyMs = Math.max(20, Math.floor(this.#options.leaseMs / 3));
    this.#heartbeat = setInterval(() => void this.#renew(), everyMs);
    this.poke();
  }

  /** Something may be due now. */
  poke(): void {
    if (this.#state !== "working") return;
    if (this.#claiming) this.#claimAgain = true;
    else this.#claimed = this.#claim();
  }

  /** Another process has committed something that may be due. */
  glance(): void {
    this.expect(this.#lastClaimAt + GLANCE_EVERY_MS);
  }

  /** Something will be due then; earlier than known moves the timer. */
  expect(dueAt: number): void {
    const now = this.#core.clock.now();
    if (dueAt <= now) this.poke();
    else if (dueAt < this.#timerAt) this.#sleepUntil(dueAt);
  }

  /** Stops the step that this process runs for a cancelled run, if it does. */
  cancelStep(run: string): void {
    this.#running.get(run)?.signals.cancelStep();
  }

  /** Stops claiming, lets slices reach their next commit for so long, then aborts them. */
  async stop(patienceMs: number): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    if (this.#timer !== null) clearTimeout(this.#timer);
    const all = async (): Promise<void> => {
      // What a claim under way still brings is begun, gives its lease back at once, and is waited for.
      await this.#claimed;
      await Promise.allSettled([...this.#running.values()].map((running) => running.ended));
    };
    const limit = new AbortController();
    await Promise.race([
      all(),
      this.#core.clock.sleep(patienceMs, limit.signal).catch(() => undefined),
    ]);
    limit.abort();
    for (const { signals } of this.#running.values()) signals.end("shutdown");
    await all();
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#state = "stopped";
  }

  #sleepUntil(at: number): void {
    if (this.#state !== "working") return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = at;
    const ms = Math.min(Math.max(0, at - this.#core.clock.now()), POLL_MS, MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.poke();
    }, ms);
  }

  async #claim(): Promise<void> {
    this.#claiming = true;
    try {
      do {
        // The slices of one group commit end in the same turn of the event loop: one claim serves all their places.
        await nextTurn();
        this.#claimAgain = false;
        const free = this.#options.concurrency - this.#running.size;
        // Full: the end of any slice pokes again.
        if (free <= 0) return;
        const heldUntil = this.#options.heldUntil?.() ?? 0;
        if (heldUntil > this.#core.clock.now()) return this.#sleepUntil(heldUntil);
        const rows = await this.#claimRows(free);
        this.#lastClaimAt = this.#core.clock.now();
        for (const row of rows) this.#begin(row);
        if (rows.length === free) return;
      } while (this.#claimAgain && this.#state === "working");
      // While a timer runs we know what is next: whatever this process schedules moves it, and it ends at the next poll.
      if (this.#timer !== null) return;
      const next = await this.#nextDue();
      // Somebody may have told of an earlier time while we asked.
      this.#sleepUntil(Math.min(next, this.#timerAt));
    } catch (error) {
      this.#core.log("error", "runs cannot be claimed; the database does not answer", { error });
      this.#sleepUntil(this.#core.clock.now() + POLL_MS);
    } finally {
      this.#claiming = false;
      if (this.#claimAgain) this.poke();
    }
  }

  #claimRows(limit: number): Promise<ClaimedRow[]> {
    const now = this.#core.clock.now();
    const { owner, leaseMs } = this.#options;
    return this.#core.database.query<ClaimedRow>(
      `with due as (
         select run_id, owner as lost_owner from dispatch
         where due_at <= $1 and (lease_until is null or lease_until < $1) and kind = any($2)
         order by due_at limit $3 for update skip locked
       )
       update dispatch d set owner = $4, lease_until = $5, fence = d.fence + 1, attempts = d.attempts + 1
       from due where d.run_id = due.run_id
       returning d.run_id, d.kind, d.fence, due.lost_owner, d.attempts`,
      [new Date(now), this.#core.registry.kinds, limit, owner, new Date(now + leaseMs)],
    );
  }

  async #nextDue(): Promise<number> {
    const rows = await this.#core.database.query<{ at: Date | null }>(
      `select min(greatest(due_at, coalesce(lease_until, due_at))) as at from (
         (select due_at, lease_until from dispatch where lease_until is null and kind = any($1) order by due_at limit 1)
         union all
         (select due_at, lease_until from dispatch where lease_until is not null and owner <> $2 order by lease_until limit 1)
       ) next`,
      [this.#core.registry.kinds, this.#options.owner],
    );
    return rows[0]?.at?.getTime() ?? Number.POSITIVE_INFINITY;
  }

  #begin(row: ClaimedRow): void {
    const workflow = this.#workflowOf(row.kind);
    const lease: Lease = {
      run: row.run_id,
      owner: this.#options.owner,
      fence: row.fence,
      lostOwner: row.lost_owner,
    };
    const signals = new SliceSignals();
    // We may have lost the run to ourselves: its lease expired while this process stood still. One slice at a time.
    const before = this.#running.get(row.run_id);
    before?.signals.end("lost");
    const ended = (before?.ended ?? Promise.resolve()).then(() =>
      this.#run(lease, { workflow, signals, attempts: row.attempts }),
    );
    const running: Running = { lease, signals, ended };
    this.#running.set(row.run_id, running);
    void ended.then(() => {
      if (this.#running.get(row.run_id) === running) this.#running.delete(row.run_id);
      this.poke();
    });
  }

  #workflowOf(kind: string): Workflow {
    const workflow = this.#core.registry.ofKind(kind);
    if (workflow === undefined)
      throw new TypeError(`a run of the unknown kind ${kind} was claimed`);
    return workflow;
  }

  async #run(
    lease: Lease,
    {
      workflow,
      signals,
      attempts,
    }: { workflow: Workflow; signals: SliceSignals; attempts: number },
  ): Promise<void> {
    this.#slices += 1;
    try {
      await this.#options.carry(lease, {
        workflow,
        signals,
        stopping: () => this.#state !== "working",
      });
    } catch (error) {
      const pauseMs = Math.min(
        this.#options.maxPauseMs ?? MAX_CRASH_PAUSE_MS,
        1_000 * 2 ** Math.min(attempts, 20),
      );
      this.#core.log("error", "a slice could not be completed; it is tried again", {
        run: lease.run,
        pauseMs,
        error,
      });
      await this.#core.database
        .query(
          "update dispatch set lease_until = null, owner = null, due_at = greatest(due_at, $4) where run_id = $1 and owner = $2 and fence = $3",
          [lease.run, lease.owner, lease.fence, new Date(this.#core.clock.now() + pauseMs)],
        )
        // Then the lease expires by itself.
        .catch(() => undefined);
    }
  }

  /** Renews our leases in one statement; a run whose lease is no longer ours, or that was cancelled elsewhere, is stopped. */
  async #renew(): Promise<void> {
    if (this.#running.size === 0) return;
    const { owner, leaseMs } = this.#options;
    try {
      const asked = [...this.#running];
      const runs = asked.map(([run]) => run);
      const renewed = await renewLeases(this.#core, { owner, runs, leaseMs });
      const ours = new Map<string, Renewed>(renewed.map((row) => [row.run, row]));
      for (const [run, running] of asked) {
        // The answer says nothing of a slice that began while it was on its way.
        if (this.#running.get(run) !== running) continue;
        const { lease, signals } = running;
        const row = ours.get(run);
        if (row === undefined || row.fence !== lease.fence) signals.end("lost");
        else if (row.cancelled) signals.cancelStep();
      }
    } catch (error) {
      this.#core.log("warn", "leases could not be renewed", { error });
    }
  }
}
