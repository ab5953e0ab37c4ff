/**
 * The order in which versions are preferred: stable before beta before alpha, higher numbers first, anything else last by
 * name (Kubernetes documentation, "Versions in CustomResourceDefinitions", version priority).
 */
export function byVersionPriority(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)];
  for (const [index, figure] of left.entries()) {
    const difference = (right[index] ?? 0) - figure;
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function rank(version: string): readonly number[] {
  const [, major, level, minor] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
  if (major === undefined) return [0, 0, 0];
  const stability = level === undefined ? 3 : level === "beta" ? 2 : 1;
  return [stability, Number(major), Number(minor ?? 0)];
}
