/** What a Kubernetes version must look like (Cluster API's `KubeSemver`); builds have no order. */
const pattern = /^v(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/** Major, minor, patch; undefined for what is no version. */
type Figures = readonly [number, number, number];

export function parseVersion(version: string): Figures | undefined {
  const match = pattern.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** Negative when `a` is older than `b`; what is no version is the oldest. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parseVersion(a) ?? [0, 0, 0], parseVersion(b) ?? [0, 0, 0]];
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/**
 * The versions that a control plane passes through on its way: the newest offered one of each minor in between, then
 * the wanted one. Empty when it is there already.
 */
export function upgradePlan(from: string, to: string, offered: readonly string[]): string[] {
  if (compareVersions(from, to) >= 0) return [];
  const [major, fromMinor] = parseVersion(from) ?? [0, 0];
  const [, toMinor] = parseVersion(to) ?? [0, 0];
  const between = Array.from({ length: Math.max(0, toMinor - fromMinor - 1) }, (_, index) =>
    offered
      .filter((version) => version.startsWith(`v${major}.${fromMinor + 1 + index}.`))
      .toSorted(compareVersions)
      .at(-1),
  );
  return [...between.filter((version) => version !== undefined), to];
}

/** Counts machines by version, as `status.versions` does. */
export function countVersions(
  versions: readonly string[],
): readonly { readonly version: string; readonly replicas: number }[] {
  const counts = new Map<string, number>();
  for (const version of versions) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts]
    .map(([version, replicas]) => ({ version, replicas }))
    .toSorted((a, b) => compareVersions(a.version, b.version));
}
