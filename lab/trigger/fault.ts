import { z } from "zod";

/**
 * What can go wrong at the platform, as it was seen to on a real one. A fault waits for a Trigger run of its task and
 * with its tag (any, when it names none) and strikes as many of them as it says.
 */
export const faultKinds = [
  /** The task's process is killed while it runs: CRASHED, and no retry. */
  "killed",
  /** The task's process ends itself: CRASHED. */
  "exits",
  /** The task's process is asked to end: no attempt is left, so FAILED. */
  "terminated",
  /** The developer's session ends with its worker: CANCELED 2.5 s later, and no hook is called. */
  "session-ends",
  /** A start hook throws in place of `run`: FAILED. */
  "start-hook-throws",
  /** A start hook says that there is no point in trying: FAILED. */
  "start-hook-aborts",
  /** A middleware throws around `run`: FAILED, and no hook is called. */
  "middleware-throws",
  /** The payload that arrives is not what was sent: FAILED. */
  "payload-spoilt",
  /** An exception that nobody caught, outside of `run`: FAILED. */
  "uncaught",
  /** The task uses up its time: its signal aborts, its process is killed, TIMED_OUT. */
  "max-duration",
  /** The task ends and the platform never hears of it: EXECUTING until it counts as stalled, then CANCELED. */
  "completion-lost",
  /** Worker and watchdog die with the task: EXECUTING until it counts as stalled, then CANCELED. */
  "vanishes",
  /** Two workers are given the same run. */
  "delivered-twice",
  /** The run is given to a worker only after `ms`. */
  "delivered-late",
  /** The run waits in the queue beyond its time: EXPIRED. */
  "expires",
  /** The run waits for a version that is not deployed. */
  "unknown-version",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export const Fault = z.object({
  fault: z.enum(faultKinds),
  task: z.string().optional(),
  /** As runs are tagged: `resource:srv_01…`, so that what else is under way goes unharmed. */
  tag: z.string().optional(),
  times: z.number().int().positive().default(1),
  /** `killed`, `exits`, `uncaught`, `vanishes`: so long after the start; `delivered-late`: the delay. */
  ms: z.number().nonnegative().default(200),
});
export type Fault = z.infer<typeof Fault>;

/** The platform as a whole: away, or out of patience with us. */
export const Outage = z.object({
  outage: z.enum(["down", "rate-limited", "none"]),
  /** How long; without it until `none`. */
  ms: z.number().positive().optional(),
});
export type Outage = z.infer<typeof Outage>;

/** The faults that are still to strike, in the order in which they were asked for. */
export class Faults {
  readonly #waiting: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, left: fault.times });
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  /** The next fault of one of these kinds for a run; it has then struck once. */
  take(
    { task, tags }: { readonly task: string; readonly tags: readonly string[] },
    kinds: readonly FaultKind[],
  ): Fault | null {
    const found = this.#waiting.find(
      ({ fault, left }) =>
        left > 0 &&
        kinds.includes(fault.fault) &&
        (fault.task ?? task) === task &&
        (fault.tag === undefined || tags.includes(fault.tag)),
    );
    if (found === undefined) return null;
    found.left -= 1;
    return found.fault;
  }

  get waiting(): readonly (Fault & { readonly left: number })[] {
    return this.#waiting
      .filter(({ left }) => left > 0)
      .map(({ fault, left }) => ({ ...fault, left }));
  }
}
