import { FaultQueue } from "#lab/fault-queue.ts";

/** A disturbance that was asked for by `POST /_lab/kubernetes/faults`. */
export interface Fault {
  readonly id: number;
  /** Regular expression, matched anywhere in the path with its query. */
  readonly path?: string;
  readonly method?: string;
  /** Answer with this status instead of doing anything. */
  readonly status?: number;
  /** Header of an answer with a `status`. */
  readonly retryAfterSeconds?: number;
  /** Wait so long, in real milliseconds, before anything else. */
  readonly delayMs?: number;
  /** `before`: cut the connection instead of doing anything. `after`: do it, then cut instead of answering. */
  readonly cut?: "before" | "after";
  /** Answer 200 with something that is no JSON. */
  readonly rubbish?: boolean;
  /**
   * To watches only, open ones included: `expired`: an ERROR event with code 410, and the end. `cut`: the next line breaks off in
   * the middle, and so does the connection. `silent`: nothing is sent any more, and the connection stays open. `old-etcd`: those that ask for
   * initial events are told that the storage cannot do that, as an API server over etcd 3.4 tells it; others are left alone.
   */
  readonly watch?: "expired" | "cut" | "silent" | "old-etcd";
  /** How many more requests or watches it applies to; absent means until it is cleared. */
  readonly times?: number;
}

interface Asked {
  readonly method: string;
  readonly path: string;
}

/** The disturbances of the API server. */
export class Faults extends FaultQueue<Fault> {
  /** The first fault that is meant for this request, counted off. */
  take(asked: Asked): Fault | undefined {
    return this.first(asked, ({ watch }) => watch === undefined);
  }

  /** What happens to this watch now, counted off. */
  takeWatch(asked: Asked): Fault["watch"] {
    const asksInitial = /[?&]sendInitialEvents=(true|1)\b/.test(asked.path);
    return this.first(
      asked,
      ({ watch }) => watch !== undefined && (watch !== "old-etcd" || asksInitial),
    )?.watch;
  }
}
