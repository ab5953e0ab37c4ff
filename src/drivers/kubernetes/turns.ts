import { Failure } from "#contract/failures.ts";
import { brokenCall } from "./unavailable.ts";

export interface Turns {
  /** Waits for a turn, first come first served. The caller calls what it gets once, when it is done. */
  take(signal: AbortSignal): Promise<() => void>;
}

/** At most `most` turns at the same time, each waited for at most `withinMs`. */
export const createTurns = (most: number, withinMs: number): Turns => {
  let taken = 0;
  const waiting: (() => void)[] = [];

  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) taken -= 1;
    else next();
  };

  const once = (act: () => void): (() => void) => {
    let done = false;
    return () => {
      if (done) return;
      done = true;
      act();
    };
  };

  return {
    async take(signal) {
      if (signal.aborted) throw brokenCall("aborted");
      if (taken < most) {
        taken += 1;
        return once(release);
      }
      const patience = AbortSignal.timeout(withinMs);
      const either = AbortSignal.any([signal, patience]);
      await new Promise<void>((resolve, reject) => {
        const enter = (): void => {
          either.removeEventListener("abort", onAbort);
          resolve();
        };
        const onAbort = (): void => {
          waiting.splice(waiting.indexOf(enter), 1);
          reject(signal.aborted ? brokenCall("aborted") : tookAllTurns());
        };
        either.addEventListener("abort", onAbort, { once: true });
        waiting.push(enter);
      });
      return once(release);
    },
  };
};

const tookAllTurns = (): Failure =>
  new Failure("KUBERNETES_UNAVAILABLE", "other calls to this management cluster took all turns", {
    details: { reason: "turn" },
  });
