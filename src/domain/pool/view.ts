import type { Pool, PoolCounts } from "#contract/pool.ts";
import type { PoolState } from "./state.ts";

const instant = (ms: number): string => new Date(ms).toISOString();

/** The public pool. Links are paths without host, so that they hold behind any proxy. */
export function poolView(pool: PoolState, counts: PoolCounts): Pool {
  const infrastructure = `/v1/regions/${pool.region}/projects/${pool.project}/infrastructure`;
  const self = `${infrastructure}/pools/${pool.id}`;
  return {
    id: pool.id,
    region: pool.region,
    project: pool.project,
    name: pool.name,
    displayName: pool.displayName,
    selector: pool.selector,
    counts,
    createdAt: instant(pool.createdAt),
    updatedAt: instant(pool.updatedAt),
    links: {
      self,
      servers: `${infrastructure}/servers?pool=${pool.name}`,
      events: `${self}/events`,
    },
  };
}
