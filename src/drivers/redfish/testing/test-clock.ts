import { setImmediate } from "node:timers/promises";
import type { Clock } from "#platform/clock.ts";

/** Pauses this long are not the verb's own but the sweeper's: they last until a test lets time pass. */
const parkedFromMs = 500_000;

export interface TestClock extends Clock {
  /** Every pause that a verb made, in ms. */
  readonly pauses: readonly number[];
  /** Lets time pass and wakes the parked sleepers that are due. */
  advance(ms: number): void;
}

/** A clock on which the pauses of a verb pass at once and are written down. */
export const createTestClock = (): TestClock => {
  let nowMs = Date.parse("2026-03-02T08:00:00Z");
  const pauses: number[] = [];
  const parked = new Set<{ readonly dueMs: number; readonly wake: () => void }>();
  return {
    pauses,
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
      for (const sleeper of parked) {
        if (sleeper.dueMs <= nowMs) sleeper.wake();
      }
    },
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      if (ms < parkedFromMs) {
        nowMs += ms;
        pauses.push(ms);
        await setImmediate();
        signal?.throwIfAborted();
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => {
          parked.delete(sleeper);
          signal?.removeEventListener("abort", onAbort);
        };
        const onAbort = (): void => {
          stop();
          reject(new Error("aborted"));
        };
        const sleeper = {
          dueMs: nowMs + ms,
          wake: () => {
            stop();
            resolve();
          },
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        parked.add(sleeper);
      });
    },
  };
};
