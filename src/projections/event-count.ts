import { sql } from "kysely";
import { ENGINE_ACTOR } from "#contract/events.ts";
import type { Database } from "#platform/database.ts";
import { ExpiringMap } from "#platform/expiring-map.ts";
import type { LogFilter } from "./event-filter.ts";
import type { Total } from "./list-query.ts";
import { COUNTED_ROWS, ESTIMATES_KEPT, ESTIMATE_KEPT_MS, RowCounter } from "./row-count.ts";
import { type Fragment, allOf, rowsOf } from "./sql.ts";

function conditionsOf({ types, actor }: LogFilter): Fragment[] {
  const all: Fragment[] = [];
  if (types !== undefined) all.push(sql`type in (${sql.join([...types])})`);
  if (actor !== undefined) {
    all.push(sql`meta->>'actor' = ${actor}`);
    // The index leaves out what the engine itself wrote, and is used only where that is said.
    if (actor !== ENGINE_ACTOR) all.push(sql`meta->>'actor' <> ${sql.lit(ENGINE_ACTOR)}`);
  }
  return all;
}

/**
 * Totals of the event log. One stream is counted. Types and callers have an index and are counted up to ten thousand. The
 * whole log, or the engine's share of it, is judged by its newest ten thousand events: exact while there are no more,
 * else the share that matched is taken to hold for the rest.
 */
export class EventCounter {
  readonly #db: Database;
  readonly #indexed: RowCounter;
  readonly #estimates: ExpiringMap<Total>;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#indexed = new RowCounter(db, now);
    this.#estimates = new ExpiringMap({ now, keptMs: ESTIMATE_KEPT_MS, most: ESTIMATES_KEPT });
  }

  /** `filter` has types only, no prefixes. */
  async count(filter: LogFilter): Promise<Total> {
    const conditions = allOf(conditionsOf(filter));
    if (filter.resource !== undefined) {
      const [row] = await rowsOf<{ count: number }>(
        this.#db,
        sql`select count(*) as count from events where stream = ${filter.resource} and ${conditions}`,
      );
      return { count: Number(row?.count ?? 0), isEstimate: false };
    }
    if (filter.types !== undefined || (filter.actor ?? ENGINE_ACTOR) !== ENGINE_ACTOR)
      return this.#indexed.count(sql`from events where ${conditions}`);
    const key = filter.actor ?? "";
    const known = this.#estimates.get(key);
    if (known !== undefined) return known;
    const [sample] = await rowsOf<{ seen: number; matched: number; newest: number | null }>(
      this.#db,
      sql`select count(*) as seen, count(*) filter (where ${conditions}) as matched, max(position) as newest
        from (select position, type, meta from events order by position desc limit ${COUNTED_ROWS}) as newest`,
    );
    const [seen, matched] = [Number(sample?.seen ?? 0), Number(sample?.matched ?? 0)];
    if (seen < COUNTED_ROWS) return { count: matched, isEstimate: false };
    const newest = Number(sample?.newest ?? seen);
    const total = { count: Math.round((matched / seen) * newest), isEstimate: true };
    this.#estimates.set(key, total);
    return total;
  }
}
