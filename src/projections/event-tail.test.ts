import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Cursor, Journal, RecordedEvent } from "#journal/journal.ts";
import { EventTail } from "./event-tail.ts";

/** A journal in memory that counts what is asked of it. */
function memoryJournal() {
  const events: RecordedEvent[] = [];
  const listeners = new Set<(byOthers: boolean) => void>();
  const asked = { follow: 0 };
  const behind = (cursor: Cursor, event: RecordedEvent): boolean =>
    BigInt(cursor.tx) < BigInt(event.cursor.tx) ||
    (cursor.tx === event.cursor.tx && cursor.position < event.cursor.position);
  const journal: Pick<Journal, "follow" | "head" | "onCommit"> = {
    async follow(after, _filter, limit = 500) {
      asked.follow += 1;
      return events.filter((event) => after === null || behind(after, event)).slice(0, limit);
    },
    head: async () => events.at(-1)?.cursor ?? { tx: "0", position: 0 },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const append = (count: number, type = "step.started"): void => {
    for (let index = 0; index < count; index += 1) {
      const position = events.length + 1;
      // Crosses the length of the decimal text, which a comparison of texts alone would get wrong.
      const cursor = { tx: String(90 + Math.floor(position / 3)), position };
      events.push({
        stream: "run_x",
        version: position,
        position,
        cursor,
        type,
        data: {},
        digest: "",
        meta: { actor: position % 2 === 0 ? "even" : "odd", schema: 1 },
        at: 0,
      });
    }
    for (const listener of listeners) listener(false);
  };
  return { journal, append, asked, listeners };
}

const take = async (source: AsyncIterator<RecordedEvent>, count: number): Promise<number[]> => {
  const positions: number[] = [];
  while (positions.length < count) {
    const { value, done } = await source.next();
    if (done === true) break;
    positions.push(value.position);
  }
  return positions;
};

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("following the log", () => {
  it("gives every event once, in order, from a cursor and then live", async () => {
    const { journal, append } = memoryJournal();
    append(1_234);
    const stop = new AbortController();
    const tail = new EventTail(journal);
    const source = tail.follow({ tx: "90", position: 2 }, {}, stop.signal);
    expect(await take(source, 1_232)).toEqual(range(3, 1_234));
    const live = take(source, 3_000);
    append(3_000);
    expect(await live).toEqual(range(1_235, 4_234));
    stop.abort();
    expect((await source.next()).done).toBe(true);
  });

  it("begins at the end when no cursor is given, and keeps to its filter", async () => {
    const { journal, append } = memoryJournal();
    append(10);
    const stop = new AbortController();
    const source = new EventTail(journal).follow(
      null,
      { types: ["run.*"], actor: "even" },
      stop.signal,
    );
    const live = take(source, 2);
    await sleep(0);
    append(5);
    append(4, "run.started");
    expect(await live).toEqual([16, 18]);
    stop.abort();
  });

  it("lets a slow reader fall behind without losing anything, and without holding others up", async () => {
    const { journal, append } = memoryJournal();
    append(1);
    const stop = new AbortController();
    const tail = new EventTail(journal);
    const slow = tail.follow({ tx: "0", position: 0 }, {}, stop.signal);
    const fast = tail.follow({ tx: "0", position: 0 }, {}, stop.signal);
    expect(await take(slow, 1)).toEqual([1]);
    expect(await take(fast, 1)).toEqual([1]);
    // More than the ring keeps.
    append(5_000);
    expect(await take(fast, 5_000)).toEqual(range(2, 5_001));
    expect(await take(slow, 5_000)).toEqual(range(2, 5_001));
    stop.abort();
  });

  it("costs one query per burst however many follow, and nothing once nobody does", async () => {
    const { journal, append, asked, listeners } = memoryJournal();
    append(5);
    const stop = new AbortController();
    const tail = new EventTail(journal);
    const readers = Array.from({ length: 50 }, () => tail.follow(null, {}, stop.signal));
    const first = readers.map((reader) => take(reader, 1));
    await sleep(0);
    asked.follow = 0;
    append(1);
    expect(await Promise.all(first)).toEqual(readers.map(() => [6]));
    expect(asked.follow).toBeLessThan(10);
    stop.abort();
    await Promise.all(readers.map((reader) => reader.next()));
    expect(listeners.size).toBe(0);
  });
});
