import type { Database } from "#platform/database.ts";
import { type StoredColumns, type StoredRunState, storedRun } from "./run-row.ts";
import type { History, StepHistory } from "./plan.ts";

/** How many recent successful runs say what is usual, and how long an answer is kept. */
const RECENT_RUNS = 50;
const FRESH_MS = 30_000;
/** Fewer runs than this say nothing about the 95th percentile or the median. */
const ENOUGH_RUNS = 3;

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** Durations of each step over some runs. Pure. */
export function summarise(runs: readonly Pick<StoredRunState, "steps">[]): History {
  const durations = new Map<string, number[]>();
  for (const { steps } of runs) {
    for (const { name, startedAt, completedAt, status } of steps) {
      if (status !== "completed" || startedAt === null || completedAt === null) continue;
      const list = durations.get(name) ?? [];
      list.push(completedAt - startedAt);
      durations.set(name, list);
    }
  }
  const history = new Map<string, StepHistory>();
  for (const [name, list] of durations) {
    if (list.length < ENOUGH_RUNS) continue;
    const sorted = list.toSorted((a, b) => a - b);
    history.set(name, { medianMs: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) });
  }
  return history;
}

/**
 * The history of each workflow type, read in the background: accepting a request never waits for it, so the first
 * answer of a process uses the declared times.
 */
export class Histories {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #known = new Map<string, { history: History; at: number; reading: boolean }>();

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  of(type: string, version: number): History {
    const key = `${type}@${version}`;
    const known = this.#known.get(key) ?? {
      history: new Map(),
      at: Number.NEGATIVE_INFINITY,
      reading: false,
    };
    this.#known.set(key, known);
    if (!known.reading && this.#now() - known.at > FRESH_MS) {
      known.reading = true;
      void this.#read(type, version).then(
        (history) => this.#known.set(key, { history, at: this.#now(), reading: false }),
        () => {
          known.reading = false;
        },
      );
    }
    return known.history;
  }

  async #read(type: string, version: number): Promise<History> {
    const rows = await this.#database.query<StoredColumns>(
      `select state, request from runs where type = $1 and status = 'completed' and version = $2 order by completed_at desc limit ${RECENT_RUNS}`,
      [type, version],
    );
    return summarise(rows.map(storedRun));
  }
}
