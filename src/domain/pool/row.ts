import { poolModel } from "./model.ts";
import type { PoolState } from "./state.ts";

/** How pools are kept in the table `pools`: functions of the folded stream and nothing else. */
export const poolTable = {
  model: poolModel,
  table: "pools",
  smallColumns: ["body"],
  largeColumns: [],
  /** All columns but `id` and `stream_version`. */
  toColumns: (pool: PoolState) => ({
    region: pool.region,
    project: pool.project,
    name: pool.name,
    selector: pool.selector === null ? null : pool.selector.tags,
    created_at: new Date(pool.createdAt),
    body: pool,
  }),
  fromRow: (row: Readonly<Record<string, unknown>>): PoolState => row["body"] as PoolState,
} as const;
