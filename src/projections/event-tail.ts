import type { Cursor, Journal, RecordedEvent } from "#journal/journal.ts";
import { type LogFilter, matches } from "./event-filter.ts";

/** How many of the newest events are kept for the readers that follow them live. */
const RING_EVENTS = 2_000;
const BATCH_EVENTS = 500;
/** An event may become visible without news (when an older transaction ends); so often everybody looks anyway. */
const LOOK_ANYWAY_MS = 1_000;

/** Transaction ids outgrow a double; without leading zeros, the longer text is the larger number. */
const isBehind = (cursor: Cursor, than: Cursor): boolean => {
  if (cursor.tx === than.tx) return cursor.position < than.position;
  if (cursor.tx.length !== than.tx.length) return cursor.tx.length < than.tx.length;
  return cursor.tx < than.tx;
};

/**
 * The end of the event log, read once for all live readers. Each reader pulls at its own pace: what is still in
 * the ring costs nothing, and a slow or resuming reader takes pages from the journal until it has caught up.
 * So no reader is pushed to, none can fill the memory, and the cost of following does not grow with the number
 * of readers or with how rarely their filters match.
 */
export class EventTail {
  readonly #journal: Pick<Journal, "follow" | "head" | "onCommit">;
  #ring: RecordedEvent[] = [];
  /** Everything after this and up to the ring's end is in the ring. */
  #ringAfter: Cursor | null = null;
  #readers = 0;
  #stop: (() => void) | null = null;
  #sleepers = new Set<() => void>();
  #reading: Promise<void> | null = null;

  constructor(journal: Pick<Journal, "follow" | "head" | "onCommit">) {
    this.#journal = journal;
  }

  /**
   * Matching events after the cursor (null: from now on), in the order of subscriptions, none skipped, for as
   * long as the signal lets it.
   */
  async *follow(
    after: Cursor | null,
    filter: LogFilter,
    signal: AbortSignal,
  ): AsyncGenerator<RecordedEvent, void, undefined> {
    this.#enter();
    try {
      let cursor = after ?? (await this.#journal.head());
      while (!signal.aborted) {
        const events = await this.#after(cursor);
        for (const event of events) {
          if (signal.aborted) return;
          cursor = event.cursor;
          if (matches(event, filter)) yield event;
        }
        if (events.length === 0) await this.#news(signal);
      }
    } finally {
      this.#leave();
    }
  }

  async #after(cursor: Cursor): Promise<readonly RecordedEvent[]> {
    await this.#read();
    if (this.#ringAfter === null || isBehind(cursor, this.#ringAfter))
      return this.#journal.follow(cursor, {}, BATCH_EVENTS);
    // Readers are mostly near the end, so that is where the search begins.
    return this.#ring.slice(
      this.#ring.findLastIndex((event) => !isBehind(cursor, event.cursor)) + 1,
    );
  }

  /** Brings the ring up to date; readers that ask meanwhile share the one query. */
  #read(): Promise<void> {
    this.#reading ??= this.#fill().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #fill(): Promise<void> {
    if (this.#ringAfter === null) {
      this.#ringAfter = await this.#journal.head();
      return;
    }
    const end = this.#ring.at(-1)?.cursor ?? this.#ringAfter;
    const events = await this.#journal.follow(end, {}, BATCH_EVENTS);
    const all = [...this.#ring, ...events];
    const dropped = all.slice(0, Math.max(0, all.length - RING_EVENTS));
    this.#ringAfter = dropped.at(-1)?.cursor ?? this.#ringAfter;
    this.#ring = all.slice(dropped.length);
  }

  async #news(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#sleepers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    if (signal.aborted) wake();
    await promise;
    signal.removeEventListener("abort", wake);
    this.#sleepers.delete(wake);
  }

  #enter(): void {
    this.#readers += 1;
    if (this.#stop !== null) return;
    const wakeAll = (): void => {
      for (const wake of this.#sleepers) wake();
    };
    const unsubscribe = this.#journal.onCommit(wakeAll);
    const timer = setInterval(wakeAll, LOOK_ANYWAY_MS);
    this.#stop = () => {
      unsubscribe();
      clearInterval(timer);
    };
  }

  #leave(): void {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    this.#stop?.();
    this.#stop = null;
    this.#ring = [];
    this.#ringAfter = null;
  }
}
