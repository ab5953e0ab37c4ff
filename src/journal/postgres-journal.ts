import { ENGINE_ACTOR, type EventMeta } from "#contract/events.ts";
import type { Database, Param } from "#platform/database.ts";
import { GroupCommitter } from "./group-committer.ts";
import type { Cursor, EventFilter, Journal, RecordedEvent } from "./journal.ts";

interface EventRow {
  readonly position: number;
  readonly tx: string;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly data: unknown;
  readonly meta: EventMeta;
  readonly occurred_at: Date;
  readonly digest: string;
}

const recorded = (row: EventRow): RecordedEvent => ({
  stream: row.stream,
  version: row.version,
  type: row.type,
  data: row.data,
  meta: row.meta,
  at: row.occurred_at.getTime(),
  position: row.position,
  cursor: { tx: row.tx, position: row.position },
  digest: row.digest,
});

const COLUMNS = "position, tx::text as tx, stream, version, type, data, meta, occurred_at, digest";
const CHANNEL = "millwright_commit";
const NOTIFY_EVERY_MS = 10;

const isIndexedActor = (actor: string | undefined): boolean =>
  actor !== undefined && actor !== ENGINE_ACTOR;

/** The condition of a filter; `$n` numbers continue after `params`, which it extends. */
function condition(filter: EventFilter, params: Param[]): string {
  const parts: string[] = [];
  const next = (value: Param): string => `$${params.push(value)}`;
  if (filter.stream !== undefined) parts.push(`stream = ${next(filter.stream)}`);
  if (filter.actor !== undefined) {
    parts.push(`meta->>'actor' = ${next(filter.actor)}`);
    // The index leaves out what the engine itself wrote, and is used only where that is said.
    if (isIndexedActor(filter.actor)) parts.push(`meta->>'actor' <> '${ENGINE_ACTOR}'`);
  }
  if (filter.types !== undefined && filter.types.length > 0) {
    const each = filter.types.map((type) =>
      type.endsWith("*") ? `starts_with(type, ${next(type.slice(0, -1))})` : `type = ${next(type)}`,
    );
    parts.push(`(${each.join(" or ")})`);
  }
  return parts.length === 0 ? "true" : parts.join(" and ");
}

export interface OpenJournal extends Journal {
  close(): Promise<void>;
}

export async function openJournal(database: Database): Promise<OpenJournal> {
  const listeners = new Set<(byOthers: boolean) => void>();
  let news: { byOthers: boolean } | null = null;
  const tellListeners = (byOthers: boolean): void => {
    if (news !== null) {
      news.byOthers ||= byOthers;
      return;
    }
    const told = { byOthers };
    news = told;
    setImmediate(() => {
      news = null;
      for (const listener of listeners) listener(told.byOthers);
    });
  };

  // Other processes hear of commits a moment later and at most so often; whoever misses it polls.
  const self = crypto.randomUUID();
  let notifying: NodeJS.Timeout | null = null;
  const tellOthers = (): void => {
    if (!database.shared || notifying !== null) return;
    notifying = setTimeout(() => {
      notifying = null;
      database.query("select pg_notify($1, $2)", [CHANNEL, self]).catch(() => undefined);
    }, NOTIFY_EVERY_MS);
  };

  const committer = new GroupCommitter(database, () => {
    tellListeners(false);
    tellOthers();
  });
  const stopListening = database.shared
    ? await database.listen(CHANNEL, (sender) => {
        if (sender !== self) tellListeners(true);
      })
    : null;

  return {
    commit: (commit) => committer.commit(commit),

    async read(stream, afterVersion = 0, limit = 10_000) {
      const rows = await database.query<EventRow>(
        `select ${COLUMNS} from events where stream = $1 and version > $2 order by version limit $3`,
        [stream, afterVersion, limit],
      );
      return rows.map(recorded);
    },

    async follow(after, filter = {}, limit = 500) {
      const params: Param[] = [after?.tx ?? "0", after?.position ?? 0];
      const where = condition(filter, params);
      const rows = await database.query<EventRow>(
        `select ${COLUMNS} from events
          where (tx, position) > ($1::xid8, $2::bigint) and tx < pg_snapshot_xmin(pg_current_snapshot()) and ${where}
          order by tx, position limit $${params.push(limit)}`,
        params,
      );
      return rows.map(recorded);
    },

    async latest(before, filter, limit) {
      const params: Param[] = [before ?? Number.MAX_SAFE_INTEGER, limit];
      const walk = (part: EventFilter): string =>
        `select ${COLUMNS} from events where position < $1 and ${condition(part, params)} order by position desc limit $2`;
      // One walk along the index for each type, merged: a walk over all events would read a million to find a rare one.
      // The events of a stream or of a caller are found by that.
      const types = filter.types ?? [];
      const statement =
        types.length > 1 && filter.stream === undefined && !isIndexedActor(filter.actor)
          ? `select * from (${types.map((type) => `(${walk({ ...filter, types: [type] })})`).join(" union all ")}) merged order by position desc limit $2`
          : walk(filter);
      return (await database.query<EventRow>(statement, params)).map(recorded);
    },

    onCommit(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },

    async head() {
      const rows = await database.query<Cursor>(
        `select tx::text as tx, position from events where tx < pg_snapshot_xmin(pg_current_snapshot()) order by events.tx desc, position desc limit 1`,
      );
      return rows[0] ?? { tx: "0", position: 0 };
    },

    async knows({ tx, position }) {
      const rows = await database.query(
        "select from events where tx = $1::xid8 and position = $2",
        [tx, position],
      );
      return rows.length > 0;
    },

    async checkpoint(subscriber) {
      const rows = await database.query<Cursor>(
        "select tx::text as tx, position from checkpoints where subscriber = $1",
        [subscriber],
      );
      return rows[0] ?? null;
    },

    async saveCheckpoint(subscriber, cursor) {
      await database.query(
        `insert into checkpoints (subscriber, tx, position, updated_at) values ($1, $2::xid8, $3, now())
          on conflict (subscriber) do update set tx = excluded.tx, position = excluded.position, updated_at = excluded.updated_at`,
        [subscriber, cursor.tx, cursor.position],
      );
    },

    async close() {
      listeners.clear();
      if (notifying !== null) clearTimeout(notifying);
      await stopListening?.();
    },
  };
}
