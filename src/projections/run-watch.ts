import type { Database } from "#platform/database.ts";
import type { StoredRunState } from "#engine/run-row.ts";
import { isSettled } from "./run-view.ts";

/** Where a run's stream stands. */
export interface RunHead {
  readonly version: number;
  /** Ended, and no undo is under way: nothing more will happen by itself. */
  readonly settled: boolean;
}

interface HeadRow {
  readonly id: string;
  readonly stream_version: number;
  readonly phase: StoredRunState["phase"];
  readonly cleanup: StoredRunState["cleanup"];
}

const HEADS =
  "select id, stream_version, phase, state->>'cleanup' as cleanup from runs where id = any($1)";

/** After news, how long to gather more of it before looking: commits come thousands a second. */
const GATHER_MS = 10;
/** On PostgreSQL, news of other processes' commits may be lost; so often everybody looks anyway. */
const LOOK_ANYWAY_MS = 1_000;

interface Waiter {
  readonly run: string;
  readonly done: (head: RunHead) => boolean;
  readonly tell: (head: RunHead | null) => void;
}

/**
 * Lets many requests wait for runs to change at the price of one query per burst of commits, however many
 * wait. Nothing runs while nobody waits.
 */
export class RunWatch {
  readonly #db: Database;
  readonly #onCommit: (listener: () => void) => () => void;
  readonly #waiters = new Set<Waiter>();
  #stop: (() => void) | null = null;
  #looking = false;
  #dirty = false;

  constructor(db: Database, onCommit: (listener: () => void) => () => void) {
    this.#db = db;
    this.#onCommit = onCommit;
  }

  async head(run: string): Promise<RunHead | null> {
    return (await this.#heads([run])).get(run) ?? null;
  }

  /**
   * The run's head as soon as `done` says so; when the time is over or the signal aborts, as it then is. Null
   * when there is no such run.
   */
  async wait(
    run: string,
    options: {
      readonly done: (head: RunHead) => boolean;
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
    },
  ): Promise<RunHead | null> {
    const { promise, resolve } = Promise.withResolvers<RunHead | null>();
    const waiter: Waiter = { run, done: options.done, tell: resolve };
    const giveUp = (): void => resolve(null);
    const timer = setTimeout(giveUp, options.timeoutMs);
    options.signal.addEventListener("abort", giveUp, { once: true });
    if (options.signal.aborted) giveUp();
    this.#waiters.add(waiter);
    this.#begin();
    // What changed before the waiter was listed is found by a look after it.
    this.#look();
    try {
      return (await promise) ?? (await this.head(run));
    } finally {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", giveUp);
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#end();
    }
  }

  #begin(): void {
    if (this.#stop !== null) return;
    const look = (): void => this.#look();
    const unsubscribe = this.#onCommit(look);
    const timer = setInterval(look, LOOK_ANYWAY_MS);
    this.#stop = () => {
      unsubscribe();
      clearInterval(timer);
    };
  }

  #end(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #look(): void {
    this.#dirty = true;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookWhileDirty().finally(() => {
      this.#looking = false;
    });
  }

  async #lookWhileDirty(): Promise<void> {
    while (this.#dirty && this.#waiters.size > 0) {
      this.#dirty = false;
      const waiters = [...this.#waiters];
      try {
        const heads = await this.#heads([...new Set(waiters.map((waiter) => waiter.run))]);
        for (const waiter of waiters) {
          const head = heads.get(waiter.run);
          if (head === undefined) waiter.tell(null);
          else if (waiter.done(head)) waiter.tell(head);
        }
      } catch {
        // The database is away; the next look, a second later at the latest, tries again.
      }
      await new Promise((resolve) => {
        setTimeout(resolve, GATHER_MS);
      });
    }
  }

  async #heads(runs: readonly string[]): Promise<Map<string, RunHead>> {
    const rows = await this.#db.query<HeadRow>(HEADS, [runs]);
    return new Map(
      rows.map((row) => [row.id, { version: row.stream_version, settled: isSettled(row) }]),
    );
  }
}
