import { setTimeout as sleepFor } from "node:timers/promises";

/** Time as a parameter: everything that asks for the time, or waits, does it through one of these. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Node's timers take at most 2^31-1 ms; a longer wait is cut and its caller looks again. */
export const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    await sleepFor(
      Math.min(Math.max(ms, 0), MAX_TIMER_MS),
      undefined,
      signal === undefined ? {} : { signal },
    );
  },
};

/** The clock of a database that several processes share: this machine's, moved by the measured difference. */
export function offsetClock(base: Clock, offsetMs: () => number): Clock {
  return {
    now: () => base.now() + Math.round(offsetMs()),
    sleep: (ms, signal) => base.sleep(ms, signal),
  };
}
