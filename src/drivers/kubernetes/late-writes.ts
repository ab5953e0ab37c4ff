import { Failure } from "#contract/failures.ts";
import type { Clock } from "#platform/clock.ts";
import { ExpiringMap } from "#platform/expiring-map.ts";

/**
 * Writes that make an object and were left unanswered: a proxy or the API server may carry them out after we have hung up. For
 * as long, nobody may conclude that the object is not there from not finding it.
 */
export class LateWrites {
  readonly #unanswered: ExpiringMap<true>;

  /** @param lateMs how long after it was given up a write may still be carried out. */
  constructor(clock: Clock, lateMs: number) {
    this.#unanswered = new ExpiringMap({ now: () => clock.now(), keptMs: lateMs, most: 10_000 });
  }

  /** Remembers the object while this write of it has no answer. A later one that was answered says nothing about an earlier one. */
  async track<T>(object: string, write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      if (wentUnanswered(error)) this.#unanswered.set(object, true);
      throw error;
    }
  }

  mayArrive(object: string): boolean {
    return this.#unanswered.get(object) !== undefined;
  }
}

/** Broken calls that may have been sent. What the server answered with a status of its own, it has dealt with. */
const wentUnanswered = (error: unknown): boolean =>
  error instanceof Failure &&
  error.code === "KUBERNETES_UNAVAILABLE" &&
  ["aborted", "timeout", "reset"].includes(String(error.details?.["reason"]));
