import type { KubeObject, OwnerReference } from "#lab/kubernetes/object.ts";

/** Finalizer of an owner that waits until what it owns is gone (propagationPolicy Foreground). */
export const foregroundFinalizer = "foregroundDeletion";

/** What the owners of an object mean for it. */
export interface Owners {
  /** They keep it. */
  readonly solid: readonly OwnerReference[];
  /** They are gone, or somebody else has their name by now. */
  readonly dangling: readonly OwnerReference[];
  /** They are in foreground deletion: they go when it has gone. */
  readonly waiting: readonly OwnerReference[];
}

/**
 * Which owners keep an object, as the garbage collector of Kubernetes sorts them.
 * @param find the owner as it is; undefined when it is gone, "unknown" when nobody can tell.
 */
export function classifyOwners(
  references: readonly OwnerReference[],
  find: (reference: OwnerReference) => KubeObject | "unknown" | undefined,
): Owners {
  const sorted = Object.groupBy(references, (reference) => classOf(find(reference)));
  const { solid = [], dangling = [], waiting = [] } = sorted;
  return { solid, dangling, waiting };
}

function classOf(owner: KubeObject | "unknown" | undefined): keyof Owners {
  if (owner === undefined) return "dangling";
  return owner !== "unknown" && isInForegroundDeletion(owner) ? "waiting" : "solid";
}

export function isInForegroundDeletion({ metadata }: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [] } = metadata;
  return deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer);
}
