import { FaultQueue } from "#lab/fault-queue.ts";

/** A disturbance that was asked for by `POST /_lab/faults`. */
export interface Fault {
  readonly id: number;
  /** Name of a BMC; absent means every one. */
  readonly target?: string;
  /** Regular expression, matched anywhere in the path with its query. */
  readonly path?: string;
  readonly method?: string;
  /** Answer with this status instead of doing anything. */
  readonly status?: number;
  /** Wait so long, in real milliseconds, before anything else. */
  readonly delayMs?: number;
  /** `before`: cut the connection instead of doing anything. `after`: do it, then cut instead of answering. */
  readonly cut?: "before" | "after";
  /** How many more requests it applies to; absent means until it is cleared. */
  readonly times?: number;
}

/** The disturbances of the BMCs. */
export class Faults extends FaultQueue<Fault> {
  /** The first fault that is meant for this request to that BMC, counted off. */
  take(
    target: string,
    asked: { readonly method: string; readonly path: string },
  ): Fault | undefined {
    return this.first(asked, (fault) => fault.target === undefined || fault.target === target);
  }
}
