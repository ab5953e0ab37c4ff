import type { ClusterUpgradeInput } from "#contract/cluster-inputs.ts";
import { Failure } from "#contract/failures.ts";
import { pooledGroups, upgradedGroups } from "#domain/cluster/pooled-groups.ts";
import type { ClusterState as ClusterRecord } from "#domain/cluster/state.ts";
import type { Wait } from "#engine/kit.ts";
import type { ClusterContext } from "./kit.ts";
import { hasNoPools, returnGrowth, returnSpares, takeServers } from "./servers.ts";

/**
 * Servers that a cluster has only while it is upgraded. Cluster API adds a machine of the new version before it takes one of the
 * old (maxSurge 1), and a group's machines take no hosts but those that are marked for it: so each group that comes from a
 * pool needs one host more than it has machines.
 */

interface Upgraded {
  readonly resource: Pick<ClusterRecord, "spec">;
}

/** Why none is to be taken for the time of the upgrade; null: some are. */
export const wantsNoSpares = (
  upgrade: Upgraded & { readonly input: Pick<ClusterUpgradeInput, "spareServers"> },
): string | null => {
  if (!upgrade.input.spareServers) return "the request said to take no spare servers";
  const isAny = upgradedGroups(upgrade.resource).length > 0;
  return isAny ? null : (hasNoPools(upgrade) ?? "its groups from pools have no machines");
};

/** What an upgrade that was given up has left counts: nothing is taken beside it. Repeating is safe. */
export async function takeSpares(context: ClusterContext): Promise<void> {
  try {
    await takeServers(context, upgradedGroups(context.resource));
  } catch (thrown) {
    throw avoidable(thrown);
  }
}

/** Takes `takeSpares` back: an undo. Null when that is done. */
export const undoSpares = (context: ClusterContext): Promise<Wait | null> =>
  returnGrowth(context, machinesOf(context));

/** Gives back what the groups have beyond their machines, whoever took it. Null when that is done. */
export const giveSparesBack = (context: ClusterContext): Promise<Wait | null> =>
  returnSpares(context, machinesOf(context));

const machinesOf = ({ resource }: Upgraded) =>
  pooledGroups(resource).map(({ group, count }) => ({ group, keep: count }));

/** Whether a class needs spares is its author's to know, so the refusal names the way without. */
function avoidable(thrown: unknown): unknown {
  if (!(thrown instanceof Failure) || thrown.code !== "POOL_CAPACITY_EXCEEDED") return thrown;
  return new Failure(
    thrown.code,
    `${thrown.message}: one more for each group of machines while it is upgraded; with "spareServers": false none is taken, which is for classes that take an old machine away before they make a new one`,
    { ...(thrown.details !== undefined && { details: thrown.details }), cause: thrown },
  );
}
