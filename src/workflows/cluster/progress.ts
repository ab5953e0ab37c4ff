import type { ClusterState, GroupState, PoolState } from "#drivers/cluster-ports.ts";

/**
 * How far a cluster's machines are, in numbers, for what a wait says. Null where nobody counts them: the operator has not looked at the
 * wish, or keeps their objects out of our sight. What cannot be told is left out rather than told as none.
 */

interface Seen extends Pick<ClusterState, "observed" | "controlPlane"> {
  readonly nodePools: readonly Omit<PoolState, "busy">[];
}

interface Share {
  readonly count: number;
  readonly total: number;
}

const sentence = (
  controlPlane: Share | null,
  workers: Share | null,
  are: string,
): string | null => {
  const told = [
    { share: controlPlane, noun: "control plane machines" },
    { share: workers, noun: "workers" },
  ].flatMap(({ share, noun }) =>
    share === null || share.total === 0 ? [] : [`${share.count} of ${share.total} ${noun}`],
  );
  return told.length === 0 ? null : `${told.join(" and ")} are ${are}`;
};

const sumOf = (shares: readonly Share[]): Share => ({
  count: shares.reduce((sum, { count }) => sum + count, 0),
  total: shares.reduce((sum, { total }) => sum + total, 0),
});

/** Those of the version among the machines that are there or still to come; one that is still to go counts among them. */
const ofVersion = (group: GroupState, version: string): Share | null => {
  const { versions, desired, replicas } = group;
  if (versions.length === 0 && replicas > 0) return null;
  const there = versions.reduce((sum, { count }) => sum + count, 0);
  const right = versions.filter((each) => each.version === version);
  return {
    count: right.reduce((sum, { count }) => sum + count, 0),
    total: Math.max(desired, there),
  };
};

/**
 * By the machines' versions alone: a pool whose turn has not come calls its machines up to date, because nobody has told it of the
 * new version yet.
 */
export function upgradedMachines(
  { observed, controlPlane, nodePools }: Seen,
  version: string,
): string | null {
  if (!observed || !isCounted({ controlPlane, nodePools })) return null;
  const pools = nodePools.map((pool) => ofVersion(pool, version));
  const known = pools.filter((pool) => pool !== null);
  const workers = known.length === pools.length ? sumOf(known) : null;
  return sentence(ofVersion(controlPlane, version), workers, `at ${version}`);
}

/** Before the first machine is there, the operator's own words say more. */
const isCounted = ({ controlPlane, nodePools }: Omit<Seen, "observed">): boolean =>
  [controlPlane, ...nodePools].some(({ replicas }) => replicas > 0);

export function availableMachines({ observed, controlPlane, nodePools }: Seen): string | null {
  if (!observed || !isCounted({ controlPlane, nodePools })) return null;
  const share = ({ available, desired }: GroupState): Share => ({
    count: available,
    total: desired,
  });
  return sentence(share(controlPlane), sumOf(nodePools.map(share)), "available");
}

/** Of a pool that grows or shrinks: what is there, which may be more than is wished. */
export function machinesIn(
  { observed, controlPlane, nodePools }: Seen,
  name: string,
): string | null {
  const pool = nodePools.find((each) => each.name === name);
  if (!observed || pool === undefined || !isCounted({ controlPlane, nodePools })) return null;
  const { replicas, available } = pool;
  return `it has ${replicas} ${replicas === 1 ? "machine" : "machines"}, ${available} of them available`;
}
