import { Failure } from "#contract/failures.ts";
import { ClusterId } from "#contract/ids.ts";
import { type PooledGroup, pooledGroups } from "#domain/cluster/pooled-groups.ts";
import type { ClusterState as ClusterRecord } from "#domain/cluster/state.ts";
import type { AllocatedServer } from "#drivers/cluster-ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { reading, refOf, writing } from "#workflows/kubernetes.ts";
import type { ClusterContext } from "./kit.ts";

/** How a cluster comes to servers and gives them back. */

const owner = ({ run, resource }: ClusterContext) => ({
  cluster: resource.id,
  fence: run.fence,
  project: resource.project,
});

/** Why there are no servers to take or to give back; null: the cluster has groups that come from pools. */
export const hasNoPools = ({
  resource,
}: {
  readonly resource: Pick<ClusterRecord, "spec">;
}): string | null =>
  pooledGroups(resource).length === 0 ? "its machines are not drawn from a pool" : null;

/** Brings every group to its count or none, and marks the hosts for the cluster. Answers with all servers of the groups. */
export async function takeServers(
  context: ClusterContext,
  groups: readonly PooledGroup[],
): Promise<readonly AllocatedServer[]> {
  const { ports, resource } = context;
  const { place } = resource.spec;
  const wishes = groups.map((group) => ({ ...group, provisioner: "metal3" as const, place }));
  const allocated = await ports.allocations.allocate(owner(context), wishes, reading(context));
  await markHosts(context, allocated);
  await tellServers(context);
  return allocated;
}

/**
 * Marks the hosts of servers that the cluster has. One may still carry the mark of a cluster that has it no longer: where a
 * deletion was abandoned because the management cluster was away, nobody could take the marks off. The journal says whose
 * a server is, so these go first. A host that a machine still uses keeps its mark.
 */
async function markHosts(
  context: ClusterContext,
  servers: readonly AllocatedServer[],
): Promise<void> {
  const { ports, resource } = context;
  const cluster = refOf(resource);
  const cleared = new Set<ClusterId>();
  for (;;) {
    try {
      return await ports.hostPool.assign(cluster, servers, writing(context));
    } catch (thrown) {
      const former = markedFor(thrown);
      if (former === null || cleared.has(former)) throw thrown;
      cleared.add(former);
      const held = await ports.allocations.held(former, reading(context));
      const still = new Set(held.map(({ server }) => server));
      const left = servers.flatMap(({ server }) => (still.has(server) ? [] : [server]));
      await ports.hostPool.unassign({ ...cluster, id: former }, left, writing(context));
    }
  }
}

/** The cluster whose mark was in the way; null: it was something else. */
function markedFor(thrown: unknown): ClusterId | null {
  const details = thrown instanceof Failure ? thrown.details : undefined;
  return details?.["reason"] === "marked"
    ? (ClusterId.safeParse(details["owner"]).data ?? null)
    : null;
}

/** Brings the cluster's record up to what it has: also with what was done by a step that died before it could tell. */
async function tellServers(context: ClusterContext): Promise<void> {
  const { ports, resource, fact } = context;
  const held = await ports.allocations.held(resource.id, reading(context));
  const has = new Set(held.map(({ server }) => server));
  const known = new Set(resource.servers.map(({ server }) => server));
  const fresh = held
    .filter(({ server }) => !known.has(server))
    .map(({ server, pool, group }) => ({ server, pool, group }));
  const gone = [...known].filter((server) => !has.has(server));
  if (fresh.length > 0) fact({ type: "cluster.servers_allocated", data: { servers: fresh } });
  if (gone.length > 0) fact({ type: "cluster.servers_released", data: { servers: gone } });
}

/**
 * Brings groups back to as many servers as they had: an undo. Which machine goes is the operator's choice, so what stays may be
 * what this run took; it is the cluster's then. Null when that is done.
 */
export async function returnGrowth(
  context: ClusterContext,
  before: readonly Kept[],
): Promise<Wait | null> {
  const waiting = await returnSpares(context, before);
  if (waiting === null) await confirmServers(context);
  return waiting;
}

/** What a run has taken is in use from now on, by a cluster that it has left well. */
export const confirmServers = (context: ClusterContext): Promise<void> =>
  context.ports.allocations.confirm(owner(context), reading(context));

/** How many servers a group keeps; null: all groups together. */
interface Kept {
  readonly group: string | null;
  readonly keep: number;
}

/** What a cluster that is gone keeps of its servers. */
export const allOfThem: readonly Kept[] = [{ group: null, keep: 0 }];

/**
 * Gives back as many servers of each group as it has too many, once their hosts are idle: one that is still being cleaned is
 * nobody's yet. No group waits for another. Null when all of that is done.
 */
export async function returnSpares(
  context: ClusterContext,
  groups: readonly Kept[],
): Promise<Wait | null> {
  const { ports, resource } = context;
  const all = await ports.allocations.held(resource.id, reading(context));
  const numbers = { spare: 0, left: 0 };
  for (const { group, keep } of groups) {
    const held = all.filter((server) => group === null || server.group === group);
    const count = Math.max(0, held.length - keep);
    const returned = count === 0 ? 0 : await returnIdle(context, held, count);
    numbers.spare += count;
    numbers.left += count - returned;
  }
  // Once, at the end: what the record lacks and has been given back meanwhile is not to be told at all.
  await tellServers(context);
  return numbers.left === 0
    ? null
    : wait(
        `${numbers.left} of ${numbers.spare} servers are still in the cluster's use or being cleaned`,
      );
}

/** Marks first: a host that is free must not be found by the cluster any more. Answers with how many could be given back. */
async function returnIdle(
  context: ClusterContext,
  held: readonly AllocatedServer[],
  count: number,
): Promise<number> {
  const { ports, resource } = context;
  const ids = held.map(({ server }) => server);
  const idle = await ports.hostPool.idle(refOf(resource), ids, reading(context));
  const servers = idle.slice(0, count);
  if (servers.length === 0) return 0;
  await ports.hostPool.unassign(refOf(resource), servers, writing(context));
  await ports.allocations.release(owner(context), { servers }, reading(context));
  return servers.length;
}
