import type { PoolId } from "#contract/ids.ts";
import type { PoolSelector } from "#contract/pool.ts";

/** A pool folded from its facts: plain data, times in ms since 1970. Which servers it has, the servers say. */
export interface PoolState {
  readonly id: PoolId;
  readonly region: string;
  readonly project: string;
  readonly name: string;
  readonly displayName: string | null;
  /** Null: a list. A pool keeps its kind for life. */
  readonly selector: PoolSelector | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}
