import { sql } from "kysely";
import type { Database } from "#platform/database.ts";
import { ExpiringMap } from "#platform/expiring-map.ts";
import type { Total } from "./list-query.ts";
import { type Fragment, compiled, rowsOf } from "./sql.ts";

/** Up to here totals are counted; beyond, the planner's estimate is good enough and does not grow with the table. */
export const COUNTED_ROWS = 10_000;
/** How long a filter that matched too much is not counted again. */
export const ESTIMATE_KEPT_MS = 30_000;
export const ESTIMATES_KEPT = 256;

interface Explained {
  readonly "QUERY PLAN": readonly [{ readonly Plan: { readonly "Plan Rows": number } }];
}

/**
 * Totals of filtered lists at any size: exact up to 10,000 rows, an estimate beyond. Counting ten thousand
 * index entries costs milliseconds, so a filter known to be beyond is estimated only, for half a minute.
 */
export class RowCounter {
  readonly #db: Database;
  readonly #estimates: ExpiringMap<Total>;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#estimates = new ExpiringMap({ now, keptMs: ESTIMATE_KEPT_MS, most: ESTIMATES_KEPT });
  }

  /** `rows`: `from … where …` of the list, without order and limit. */
  async count(rows: Fragment): Promise<Total> {
    const all = compiled(sql`select 1 ${rows}`);
    const key = JSON.stringify([all.sql, all.params]);
    const known = this.#estimates.get(key);
    if (known !== undefined) return known;

    const [counted] = await rowsOf<{ count: number }>(
      this.#db,
      sql`select count(*) as count from (select 1 ${rows} limit ${COUNTED_ROWS + 1}) as counted`,
    );
    const count = Number(counted?.count ?? 0);
    if (count <= COUNTED_ROWS) return { count, isEstimate: false };

    const explained = await this.#db.query<Explained>(
      `explain (format json) ${all.sql}`,
      all.params,
    );
    const planned = explained[0]?.["QUERY PLAN"][0].Plan["Plan Rows"] ?? 0;
    const total = { count: Math.max(count, Math.round(planned)), isEstimate: true };
    this.#estimates.set(key, total);
    return total;
  }
}
