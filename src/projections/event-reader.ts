import type { LoggedEvent } from "#contract/logged-event.ts";
import type { Cursor, Journal } from "#journal/journal.ts";
import type { Database } from "#platform/database.ts";
import { EventCounter } from "./event-count.ts";
import type { LogFilter } from "./event-filter.ts";
import { expandTypes } from "./event-types.ts";
import { EventTail } from "./event-tail.ts";
import { eventView } from "./event-view.ts";
import type { Total } from "./list-query.ts";

/** A live event and where its reader resumes after it. */
export interface LiveEvent {
  readonly event: LoggedEvent;
  readonly cursor: string;
}

export interface LogPage {
  readonly events: readonly LoggedEvent[];
  /** The position before which the next page begins; null at the end. */
  readonly next: number | null;
  readonly total: Total;
}

export interface EventReader {
  /** A stream from a version on (exclusive), oldest first. */
  ofStream(stream: string, afterVersion: number, limit: number): Promise<readonly LoggedEvent[]>;
  /** The log newest first, before a position (null: from the end). */
  page(filter: LogFilter, before: number | null, limit: number): Promise<LogPage>;
  /** Whether a live reader can resume after this text: it is the cursor of an event of this very log. */
  knows(cursor: string): Promise<boolean>;
  /** The log live, from the cursor on (null: from now). Ends when the signal aborts. */
  follow(filter: LogFilter, after: string | null, signal: AbortSignal): AsyncIterable<LiveEvent>;
}

/** `tx.position`, as `LiveEvent.cursor` has it; null when the text is no such thing. */
function readCursor(text: string): Cursor | null {
  const match = /^(0|[1-9]\d{0,18})\.(\d{1,15})$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined
    ? null
    : { tx: match[1], position: Number(match[2]) };
}

/** Before everything, in any database. */
const isBeginning = ({ tx, position }: Cursor): boolean => tx === "0" && position === 0;

const writeCursor = (cursor: Cursor): string => `${cursor.tx}.${cursor.position}`;

export function createEventReader(
  db: Database,
  journal: Pick<Journal, "read" | "latest" | "follow" | "head" | "knows" | "onCommit">,
  now: () => number,
): EventReader {
  const tail = new EventTail(journal);
  const counter = new EventCounter(db, now);

  return {
    async ofStream(stream, afterVersion, limit) {
      return (await journal.read(stream, afterVersion, limit)).map(eventView);
    },
    async page({ types: patterns, ...rest }, before, limit) {
      const types = patterns === undefined ? undefined : expandTypes(patterns);
      if (types?.length === 0)
        return { events: [], next: null, total: { count: 0, isEstimate: false } };
      const filter: LogFilter = { ...rest, ...(types !== undefined && { types }) };
      const [events, total] = await Promise.all([
        journal.latest(
          before,
          {
            ...(filter.resource !== undefined && { stream: filter.resource }),
            ...(types !== undefined && { types }),
            ...(filter.actor !== undefined && { actor: filter.actor }),
          },
          limit + 1,
        ),
        counter.count(filter),
      ]);
      const shown = events.slice(0, limit);
      return {
        events: shown.map(eventView),
        next: events.length > limit ? (shown.at(-1)?.position ?? null) : null,
        // An estimate must not contradict what the page itself shows.
        total: { ...total, count: Math.max(total.count, events.length) },
      };
    },
    async knows(text) {
      const cursor = readCursor(text);
      return cursor !== null && (isBeginning(cursor) || (await journal.knows(cursor)));
    },
    async *follow(filter, after, signal) {
      const from = after === null ? null : readCursor(after);
      for await (const event of tail.follow(from, filter, signal))
        yield { event: eventView(event), cursor: writeCursor(event.cursor) };
    },
  };
}
