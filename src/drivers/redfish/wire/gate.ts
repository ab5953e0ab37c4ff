import type { Database } from "#platform/database.ts";
import { Failure } from "#contract/failures.ts";
import type { Clock } from "#platform/clock.ts";

/** A turn at a BMC. Releasing twice does nothing. */
export interface Turn {
  release(): Promise<void>;
}

/**
 * Lets at most N calls at a time reach one BMC, whichever process makes them: their web servers are small, and
 * several calls at once make them slow or answer 503.
 */
export interface BmcGate {
  /** Waits for a turn, first come first served within the process. Throws BMC_BUSY after `withinMs`. */
  enter(
    bmc: string,
    options: { readonly signal: AbortSignal; readonly withinMs: number },
  ): Promise<Turn>;
  /** True when somebody in this process waits for a turn at this BMC. */
  contended(bmc: string): boolean;
}

export interface GateOptions {
  /** Calls at a time per BMC. */
  readonly slots: number;
  /** Locks shared with other processes; null when there are none (tests, one process on its own). */
  readonly locks: Pick<Database, "tryLock"> | null;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Waiters of one BMC in this process; `free` counts the turns that nobody holds. */
interface Queue {
  free: number;
  readonly waiting: (() => void)[];
}

const lockPauseMs = { first: 40, longest: 800 };

export const createGate = ({ slots, locks, clock, random }: GateOptions): BmcGate => {
  const queues = new Map<string, Queue>();

  const leave = (bmc: string): void => {
    const queue = queues.get(bmc);
    if (queue === undefined) return;
    const next = queue.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    queue.free += 1;
    if (queue.free === slots) queues.delete(bmc);
  };

  const local = (bmc: string, signal: AbortSignal): Promise<void> => {
    const queue = queues.get(bmc) ?? { free: slots, waiting: [] };
    queues.set(bmc, queue);
    if (queue.free > 0) {
      queue.free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        const place = queue.waiting.indexOf(enter);
        if (place !== -1) queue.waiting.splice(place, 1);
        reject(waitedTooLong(bmc));
      };
      signal.addEventListener("abort", onAbort, { once: true });
      queue.waiting.push(enter);
    });
  };

  /** Any of the BMC's slots; tried in turn from a random one, with a pause that grows and is jittered. */
  const shared = async (bmc: string, signal: AbortSignal): Promise<() => Promise<void>> => {
    if (locks === null) return () => Promise.resolve();
    for (let pauseMs = lockPauseMs.first; ; pauseMs = Math.min(pauseMs * 2, lockPauseMs.longest)) {
      const start = Math.floor(random() * slots);
      for (let step = 0; step < slots; step += 1) {
        const unlock = await locks.tryLock(`bmc:${bmc}:${(start + step) % slots}`);
        if (unlock !== null) return unlock;
      }
      await clock.sleep(Math.round(pauseMs * (0.5 + random())), signal);
    }
  };

  return {
    contended: (bmc) => (queues.get(bmc)?.waiting.length ?? 0) > 0,
    async enter(bmc, { signal, withinMs }) {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
      if (patience.aborted) throw waitedTooLong(bmc);
      await local(bmc, patience);
      let unlock: () => Promise<void>;
      try {
        unlock = await shared(bmc, patience);
      } catch (error) {
        leave(bmc);
        throw patience.aborted ? waitedTooLong(bmc) : error;
      }
      let held = true;
      return {
        async release() {
          if (!held) return;
          held = false;
          try {
            await unlock();
          } finally {
            leave(bmc);
          }
        },
      };
    },
  };
};

const waitedTooLong = (bmc: string): Failure =>
  new Failure("BMC_BUSY", "other calls to this BMC took all its turns", {
    details: { address: bmc, reason: "turn" },
  });
