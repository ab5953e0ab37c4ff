import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { keyOf } from "./kinds.ts";

/** Holds the object until `release`. A second call changes nothing. */
export function hold(object: KubeObject, finalizer: string, cluster: ClusterClient): void {
  if (object.metadata.finalizers?.includes(finalizer) === true) return;
  cluster.update(keyOf(object), (newest) => ({
    ...newest,
    metadata: {
      ...newest.metadata,
      finalizers: [...(newest.metadata.finalizers ?? []), finalizer],
    },
  }));
}

/** Lets a deleted object go, as far as this operator is concerned. */
export function release(object: KubeObject, finalizer: string, cluster: ClusterClient): void {
  cluster.update(keyOf(object), (newest) => ({
    ...newest,
    metadata: {
      ...newest.metadata,
      finalizers: (newest.metadata.finalizers ?? []).filter((name) => name !== finalizer),
    },
  }));
}
