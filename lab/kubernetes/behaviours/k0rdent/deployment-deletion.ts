import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Finding, yes } from "#lab/kubernetes/behaviours/cluster-api/conditions.ts";
import { release } from "#lab/kubernetes/behaviours/cluster-api/finalizers.ts";
import { keyOf, kindName } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { isDeleting, specOf } from "#lab/kubernetes/behaviours/cluster-api/relations.ts";
import { left } from "#lab/kubernetes/behaviours/cluster-api/waiting.ts";
import { type DeploymentSpec, k0rdentKind } from "./kinds.ts";

export const deploymentFinalizer = "k0rdent.mirantis.com/cluster-deployment";

/** What a deletion has come to; `againMs` of life later there is more to see even if nothing changes. */
export interface Removal {
  readonly finding: Finding;
  readonly againMs: number | null;
}

const cleanupMs = 10_000;

/**
 * Load balancers and volumes (if asked), the Cluster, then the release that made it. Services and data sources, which k0rdent
 * removes afterwards, the lab's clusters do not have. A second call goes on.
 */
export function removeDeployment(deployment: KubeObject, cluster: ClusterClient): Removal {
  const own = keyOf(deployment);
  const owner = { ...own, kind: kindName("Cluster") };
  const found = cluster.get(owner);
  if (found !== undefined) {
    const cleans = specOf<DeploymentSpec>(deployment).cleanupOnDeletion === true;
    const rest = cleans && !isDeleting(found) ? left("cleanup", cleanupMs, deployment, cluster) : 0;
    if (rest > 0) {
      const text = "Waiting for LoadBalancer Services and PersistentVolumeClaims";
      return { finding: yes("WaitingForCloudResourcesDeletion", text), againMs: rest };
    }
    cluster.delete(owner);
    return waits("WaitingForClusterDeletion", `Cluster ${own.namespace}/${own.name}`);
  }
  const helm = { ...own, kind: k0rdentKind("HelmRelease") };
  if (cluster.get(helm) !== undefined) {
    cluster.delete(helm);
    return waits("WaitingForHelmReleaseDeletion", `HelmRelease ${own.namespace}/${own.name}`);
  }
  return { finding: yes("DeletionCompleted", "Deletion completed"), againMs: null };
}

/** Lets the deployment go once everything else is gone. */
export function finishRemoval(deployment: KubeObject, cluster: ClusterClient): void {
  cluster.effect(deployment.metadata.name, "cluster-deployment-deleted", {});
  release(deployment, deploymentFinalizer, cluster);
}

function waits(reason: string, what: string): Removal {
  return { finding: yes(reason, `Waiting for ${what}`), againMs: null };
}
