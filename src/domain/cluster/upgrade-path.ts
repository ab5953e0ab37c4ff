/** Which Kubernetes version may follow which: the control plane goes one minor at a time and never back. */

const form = /^v(\d+)\.(\d+)\.(\d+)/;

/** Major, minor and patch; null for what is no version. What follows the patch (`+k0s.0`) is a build and has no order. */
function partsOf(version: string): readonly [number, number, number] | null {
  const [, major, minor, patch] = form.exec(version) ?? [];
  return major === undefined || minor === undefined || patch === undefined
    ? null
    : [Number(major), Number(minor), Number(patch)];
}

/**
 * Why a cluster of one version cannot be upgraded to the other; null when it can.
 * https://kubernetes.io/releases/version-skew-policy/: minor versions must not be skipped, and no component may go down.
 */
export function upgradeProblem(from: string, to: string): string | null {
  if (from === to) return `it has ${from} already`;
  const [old, wanted] = [partsOf(from), partsOf(to)];
  if (old === null || wanted === null) return `${to} cannot be compared with ${from}`;
  const [major, minor, patch] = old;
  const isLower =
    wanted[0] < major ||
    (wanted[0] === major && (wanted[1] < minor || (wanted[1] === minor && wanted[2] < patch)));
  if (isLower) return `${to} is older than its ${from}, and a control plane cannot be downgraded`;
  if (wanted[0] !== major || wanted[1] > minor + 1)
    return `${to} skips a minor version: from ${from} it goes to v${major}.${minor + 1} first`;
  return null;
}
