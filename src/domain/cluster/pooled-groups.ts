import { controlPlaneGroup } from "#contract/cluster-requests.ts";
import type { ClusterServer, ClusterSpec } from "#contract/cluster.ts";

/** Which groups of a cluster's machines come from pools of servers, and what they need. */

/** A group of a cluster's machines that comes from a pool of servers, and how many of them it shall have. */
export interface PooledGroup {
  readonly group: string;
  readonly pool: string;
  readonly count: number;
}

/** The groups whose machines are drawn from pools, each with as many servers as it has machines. */
export function pooledGroups({
  spec: { controlPlane, nodePools },
}: {
  readonly spec: Pick<ClusterSpec, "controlPlane" | "nodePools">;
}): readonly PooledGroup[] {
  const groups = [
    { group: controlPlaneGroup, count: controlPlane.replicas, pool: controlPlane.pool },
    ...nodePools.map(({ name, nodeCount, pool }) => ({ group: name, count: nodeCount, pool })),
  ];
  return groups.flatMap(({ pool, ...group }) => (pool === null ? [] : [{ ...group, pool }]));
}

/** A group that shall have more servers than it has. */
export interface LackingGroup extends PooledGroup {
  readonly missing: number;
}

type Grown = {
  readonly spec: Pick<ClusterSpec, "controlPlane" | "nodePools">;
  readonly servers: readonly ClusterServer[];
};

/** What the groups lack of their count. */
const lacking = (
  groups: readonly PooledGroup[],
  servers: readonly ClusterServer[],
): readonly LackingGroup[] =>
  groups
    .map((group) => {
      const has = servers.filter((server) => server.group === group.group).length;
      return { ...group, missing: group.count - has };
    })
    .filter(({ missing }) => missing > 0);

/** What a new cluster draws from pools. */
export const drawnByCreate = (spec: Grown["spec"]): readonly LackingGroup[] =>
  lacking(pooledGroups({ spec }), []);

/** What a node pool draws to have so many machines. */
export const drawnByScale = (
  cluster: Grown,
  { nodePool, nodeCount }: { readonly nodePool: string; readonly nodeCount: number },
): readonly LackingGroup[] =>
  lacking(
    pooledGroups(cluster).flatMap((group) =>
      group.group === nodePool && nodeCount > group.count ? [{ ...group, count: nodeCount }] : [],
    ),
    cluster.servers,
  );

/** The groups that an upgrade gives one server more for its time: one of no machines has none to replace. */
export const upgradedGroups = (cluster: Pick<Grown, "spec">): readonly PooledGroup[] =>
  pooledGroups(cluster).flatMap((group) =>
    group.count > 0 ? [{ ...group, count: group.count + 1 }] : [],
  );

/** What an upgrade with spare servers draws. */
export const drawnByUpgrade = (cluster: Grown): readonly LackingGroup[] =>
  lacking(upgradedGroups(cluster), cluster.servers);
