import type { AllocatedServer, AllocationWish } from "#drivers/cluster-ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { type ClusterContext, reading, refOf, writing } from "./kit.ts";

/** How a cluster comes to servers and gives them back. */

const owner = ({ run, resource }: ClusterContext) => ({
  cluster: resource.id,
  run: run.id,
  project: resource.project,
});

/** Takes servers for every wish or none, and marks their hosts for the cluster. Answers with all servers of the wishes' groups. */
export async function takeServers(
  context: ClusterContext,
  wishes: readonly AllocationWish[],
): Promise<readonly AllocatedServer[]> {
  const { ports, resource } = context;
  const allocated = await ports.allocations.allocate(owner(context), wishes, reading(context));
  await ports.hostPool.assign(refOf(resource), allocated, writing(context));
  await tellServers(context);
  return allocated;
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
 * Brings a group back to as many servers as it had: an undo. Which machine goes is the operator's choice, so what stays may be
 * what this run took; it is the cluster's then. Null when that is done.
 */
export async function returnGrowth(
  context: ClusterContext,
  before: { readonly group: string; readonly keep: number },
): Promise<Wait | null> {
  const waiting = await returnSpare(context, before);
  if (waiting === null) await context.ports.allocations.confirm(owner(context), reading(context));
  return waiting;
}

/** What a cluster that is gone keeps of its servers. */
export const allOfThem = { group: null, keep: 0 } as const;

/**
 * Gives back as many servers of a group (null: of all of them) as it has too many, once their hosts are idle: one that is still
 * being cleaned is nobody's yet. Null when that is done.
 */
export async function returnSpare(
  context: ClusterContext,
  spare: { readonly group: string | null; readonly keep: number },
): Promise<Wait | null> {
  const { ports, resource } = context;
  const all = await ports.allocations.held(resource.id, reading(context));
  const held = all.filter(({ group }) => spare.group === null || group === spare.group);
  const count = held.length - spare.keep;
  const returned = count <= 0 ? 0 : await returnIdle(context, held, count);
  await tellServers(context);
  const left = count - returned;
  return left <= 0
    ? null
    : wait(`${left} of ${count} servers are still in the cluster's use or being cleaned`);
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
