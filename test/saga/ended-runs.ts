import type { RunId } from "#contract/ids.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";

const everyMs = 150;

/**
 * Waits for the ends of runs. Many cases wait at a time, and answering them is a good part of what the embedded database
 * does for a saga, so one look serves them all.
 */
export class EndedRuns {
  readonly #database: Database;
  readonly #awaited = new Map<RunId, PromiseWithResolvers<void>>();
  #isLooking = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Resolves once the run is at rest, after `withinMs` at the latest; says whether it is. */
  async has(run: RunId, withinMs: number): Promise<boolean> {
    const end = this.#awaited.get(run) ?? Promise.withResolvers<void>();
    this.#awaited.set(run, end);
    if (!this.#isLooking) void this.#look();
    const tooLate = new AbortController();
    const isOver = systemClock.sleep(withinMs, tooLate.signal).then(
      () => false,
      () => true,
    );
    try {
      return await Promise.race([end.promise.then(() => true), isOver]);
    } finally {
      tooLate.abort();
      this.#awaited.delete(run);
    }
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#awaited.size > 0) {
        const rows = await this.#database.query<{ id: RunId }>(
          "select id from runs where id = any($1) and phase = 'ended'",
          [[...this.#awaited.keys()]],
        );
        for (const { id } of rows) this.#awaited.get(id)?.resolve();
        await systemClock.sleep(everyMs);
      }
    } catch (error) {
      for (const { reject } of this.#awaited.values()) reject(error);
    } finally {
      this.#isLooking = false;
    }
  }
}
