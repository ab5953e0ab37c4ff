import { sql } from "kysely";
import type { Database } from "#platform/database.ts";
import { ExpiringMap } from "#platform/expiring-map.ts";
import type { LogFilter } from "./event-filter.ts";
import type { Total } from "./list-query.ts";
import { COUNTED_ROWS, ESTIMATES_KEPT, ESTIMATE_KEPT_MS } from "./row-count.ts";
import { type Fragment, allOf, rowsOf } from "./sql.ts";

const typeCondition = (type: string): Fragment =>
  type.endsWith("*") ? sql`starts_with(type, ${type.slice(0, -1)})` : sql`type = ${type}`;

function conditionsOf({ types, actor }: LogFilter): Fragment[] {
  const all: Fragment[] = [];
  if (types !== undefined) all.push(sql`(${sql.join(types.map(typeCondition), sql` or `)})`);
  if (actor !== undefined) all.push(sql`meta->>'actor' = ${actor}`);
  return all;
}

/**
 * Totals of the event log. One stream is counted. The whole log is judged by its newest ten thousand events:
 * exact while there are no more, else the share that matched is taken to hold for the rest.
 */
export class EventCounter {
  readonly #db: Database;
  readonly #estimates: ExpiringMap<Total>;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#estimates = new ExpiringMap({ now, keptMs: ESTIMATE_KEPT_MS, most: ESTIMATES_KEPT });
  }

  async count(filter: LogFilter): Promise<Total> {
    const conditions = allOf(conditionsOf(filter));
    if (filter.resource !== undefined) {
      const [row] = await rowsOf<{ count: number }>(
        this.#db,
        sql`select count(*) as count from events where stream = ${filter.resource} and ${conditions}`,
      );
      return { count: Number(row?.count ?? 0), isEstimate: false };
    }
    const key = JSON.stringify([filter.types, filter.actor]);
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
