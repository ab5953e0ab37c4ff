import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Finding, yes } from "./conditions.ts";
import { release } from "./finalizers.ts";
import { keyOf, kindName, namespaceOf } from "./kinds.ts";
import { kubeconfigNameOf } from "./kubeconfig.ts";
import { workerMachines } from "./machine.ts";
import type { ClusterSpec } from "./model.ts";
import { follow, labels, listOf, specOf } from "./relations.ts";
import { templatesOf } from "./topology-parts.ts";

export const clusterFinalizer = "cluster.cluster.x-k8s.io";

/** Workers, then the control plane, then the infrastructure: answers what it waits for. A second call goes on. */
export function takeClusterApart(owner: KubeObject, cluster: ClusterClient): Finding {
  const of = { namespace: namespaceOf(owner), name: owner.metadata.name };
  const spec = specOf<ClusterSpec>(owner);
  const plane = follow(spec.controlPlaneRef, owner, cluster);
  const infra = follow(spec.infrastructureRef, owner, cluster);

  const deployments = listOf(cluster, "MachineDeployment", of);
  for (const deployment of deployments) cluster.delete(keyOf(deployment));
  const workers = workerMachines(cluster, owner);
  if (deployments.length + workers.length > 0) {
    return waits("WaitingForWorkersDeletion", [...deployments, ...workers]);
  }
  if (plane !== undefined) {
    cluster.delete(keyOf(plane));
    const machines = listOf(cluster, "Machine", of, { [labels.controlPlane]: "" });
    return waits("WaitingForControlPlaneDeletion", [plane, ...machines]);
  }
  if (infra !== undefined) {
    cluster.delete(keyOf(infra));
    return waits("WaitingForInfrastructureDeletion", [infra]);
  }
  return yes("DeletionCompleted", "Deletion completed");
}

/** Removes what belongs to the cluster without being waited for, and lets it go. */
export function finishClusterDeletion(owner: KubeObject, cluster: ClusterClient): void {
  const of = { namespace: namespaceOf(owner), name: owner.metadata.name };
  for (const template of templatesOf(owner, cluster)) cluster.delete(keyOf(template));
  cluster.delete({ kind: kindName("Secret"), ...of, name: kubeconfigNameOf(of.name) });
  cluster.effect(of.name, "cluster-deleted", {});
  release(owner, clusterFinalizer, cluster);
}

function waits(reason: string, remaining: readonly KubeObject[]): Finding {
  const lines = remaining.map(({ kind, metadata }) => `* ${kind}: ${metadata.name}`);
  return yes(reason, lines.join("\n"));
}
