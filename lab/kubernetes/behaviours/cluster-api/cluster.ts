import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { clusterFindings } from "./cluster-conditions.ts";
import { clusterFinalizer, finishClusterDeletion, takeClusterApart } from "./cluster-deletion.ts";
import { type Finding, found, yes } from "./conditions.ts";
import { hold } from "./finalizers.ts";
import { isProvisioned } from "./infrastructure.ts";
import { keyOf, kindName, namespaceOf } from "./kinds.ts";
import { workerMachines } from "./machine.ts";
import type {
  ClusterSpec,
  ClusterStatus,
  ControlPlaneSpec,
  ControlPlaneStatus,
  DeploymentSpec,
  InfraClusterSpec,
} from "./model.ts";
import {
  childOfCluster,
  follow,
  isDeleting,
  isPaused,
  labels,
  listOf,
  specOf,
  statusOf,
} from "./relations.ts";
import { countMachines } from "./replicas.ts";

/**
 * Plays Cluster API's Cluster controller: it sums up what the cluster consists of, and takes it apart in order.
 *
 *   Pending ─(references)─▶ Provisioning ─(infrastructure and endpoint)─▶ Provisioned ─(delete)─▶ Deleting ─▶ gone
 */
export const clusters: Behaviour = {
  manager: "capi-cluster",
  watches: [
    { kind: kindName("Cluster") },
    childOfCluster("DevCluster"),
    childOfCluster("Metal3Cluster"),
    childOfCluster("KubeadmControlPlane"),
    childOfCluster("MachineDeployment"),
    childOfCluster("MachineSet"),
    childOfCluster("Machine"),
  ],
  reconciles: [kindName("Cluster")],
  reconcile(owner, cluster) {
    if (isPaused(owner, owner)) {
      writeClusterStatus(owner, {}, { Paused: yes("Paused") }, cluster);
      return null;
    }
    if (isDeleting(owner)) {
      const deleting = takeClusterApart(owner, cluster);
      summarise(owner, deleting, cluster);
      if (deleting.reason === "DeletionCompleted") finishClusterDeletion(owner, cluster);
      return null;
    }
    hold(owner, clusterFinalizer, cluster);
    adoptEndpoint(owner, cluster);
    summarise(owner, null, cluster);
    return null;
  },
};

/** The address of the API server is the provider's to choose; once known it stays. */
function adoptEndpoint(owner: KubeObject, cluster: ClusterClient): void {
  const spec = specOf<ClusterSpec>(owner);
  if (spec.controlPlaneEndpoint !== undefined) return;
  const infra = follow(spec.infrastructureRef, owner, cluster);
  if (infra === undefined || !isProvisioned(infra)) return;
  const { controlPlaneEndpoint } = specOf<InfraClusterSpec>(infra);
  if (controlPlaneEndpoint === undefined) return;
  cluster.update(keyOf(owner), (newest) => ({
    ...newest,
    spec: { ...specOf<ClusterSpec>(newest), controlPlaneEndpoint },
  }));
}

function summarise(given: KubeObject, deleting: Finding | null, cluster: ClusterClient): void {
  const owner = cluster.get(keyOf(given));
  if (owner === undefined) return;
  const spec = specOf<ClusterSpec>(owner);
  const earlier = statusOf<ClusterStatus>(owner);
  const infra = follow(spec.infrastructureRef, owner, cluster);
  const plane = follow(spec.controlPlaneRef, owner, cluster);
  const planeStatus = plane && statusOf<ControlPlaneStatus>(plane);
  const initialization = {
    ...(earlier.initialization?.infrastructureProvisioned === true ||
    (infra !== undefined && isProvisioned(infra))
      ? { infrastructureProvisioned: true }
      : {}),
    ...(earlier.initialization?.controlPlaneInitialized === true ||
    planeStatus?.initialization?.controlPlaneInitialized === true
      ? { controlPlaneInitialized: true }
      : {}),
  };
  const phase = isDeleting(owner)
    ? "Deleting"
    : spec.infrastructureRef === undefined
      ? "Pending"
      : initialization.infrastructureProvisioned === true && spec.controlPlaneEndpoint !== undefined
        ? "Provisioned"
        : "Provisioning";
  const of = { namespace: namespaceOf(owner), name: owner.metadata.name };
  const deployments = listOf(cluster, "MachineDeployment", of);
  const planeMachines = listOf(cluster, "Machine", of, { [labels.controlPlane]: "" });
  const workers = workerMachines(cluster, owner);
  const counted = {
    controlPlane: counts(
      "controlPlane",
      owner,
      planeMachines,
      plane === undefined ? undefined : (specOf<ControlPlaneSpec>(plane).replicas ?? 1),
    ),
    workers: counts(
      "workers",
      owner,
      workers,
      deployments.reduce(
        (sum, deployment) => sum + (specOf<DeploymentSpec>(deployment).replicas ?? 1),
        0,
      ),
    ),
  };
  writeClusterStatus(
    owner,
    {
      phase,
      ...(Object.keys(initialization).length === 0 ? {} : { initialization }),
      ...counted,
    },
    clusterFindings({
      owner,
      infra,
      plane,
      deployments,
      planeMachines,
      workers,
      initialization,
      deleting,
    }),
    cluster,
  );
}

/** The counters of one side; the plan beside them is the topology controller's. */
function counts(
  part: "controlPlane" | "workers",
  owner: KubeObject,
  machines: readonly KubeObject[],
  desired: number | undefined,
): object {
  const status = statusOf<Record<typeof part, { upgradePlan?: unknown }>>(owner);
  const plan = status[part]?.upgradePlan;
  return {
    ...(plan === undefined ? {} : { upgradePlan: plan }),
    ...(desired === undefined ? {} : { desiredReplicas: desired }),
    ...countMachines(machines),
  };
}

function writeClusterStatus(
  owner: KubeObject,
  changes: object,
  findings: Readonly<Record<string, Finding>>,
  cluster: ClusterClient,
): void {
  const newest = cluster.get(keyOf(owner)) ?? owner;
  cluster.updateStatus(keyOf(newest), {
    ...statusOf(newest),
    ...changes,
    observedGeneration: newest.metadata.generation ?? 1,
    conditions: found(newest, cluster.now(), findings),
  });
}
