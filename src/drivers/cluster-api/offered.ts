import type { OfferedVersion } from "#drivers/cluster-ports.ts";
import type { CapiCluster, ClusterClass } from "./kinds.ts";

const numbersOf = (version: string): readonly number[] =>
  (/^v?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);

/** Older before newer; what follows the patch number (`+k0s.0`, `-rc.1`) by its letters. */
export const compareVersions = (one: string, other: string): number => {
  const [a, b] = [numbersOf(one), numbersOf(other)];
  for (const index of [0, 1, 2]) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one < other ? -1 : Number(one > other);
};

const isAtMostNextMinor = (from: string, to: string): boolean => {
  const [major, minor] = numbersOf(from);
  const [toMajor, toMinor] = numbersOf(to);
  return major === toMajor && (toMinor ?? 0) - (minor ?? 0) <= 1;
};

/**
 * What a ClusterClass offers, each upgraded by one minor at a time. One that lists its versions offers those; Cluster API would go through
 * several in one go, but a run that can stop between minors is the safer one. One without a list takes any version, and nothing
 * says which exist as machine images: it offers what clusters made of it run already, and tells that it is not
 * listed.
 */
export const offeredBy = (
  clusterClass: ClusterClass,
  clusters: readonly CapiCluster[],
): readonly OfferedVersion[] => {
  const { name } = clusterClass.metadata;
  const listed = clusterClass.kubernetesVersions;
  const running = clusters.flatMap(({ className, topology }) =>
    className === name && topology !== null ? [topology.version] : [],
  );
  const versions = [...new Set(listed.length > 0 ? listed : running)].sort(compareVersions);
  return versions.map((version) => ({
    version,
    class: name,
    template: null,
    listed: listed.length > 0,
    upgrades: versions.filter(
      (other) => compareVersions(version, other) < 0 && isAtMostNextMinor(version, other),
    ),
  }));
};
