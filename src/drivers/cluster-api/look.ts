import type { KubernetesPlace } from "#contract/cluster.ts";
import { type ClusterState, isWhole } from "#drivers/cluster-ports.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { conditionOf, isFalse, isTrue } from "#drivers/kubernetes/conditions.ts";
import { secretKind } from "#drivers/kubernetes/secret.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import { type ClusterParts, controlPlaneOf, isBusy, runsOnly, workersOf } from "./groups.ts";
import { capiLabels, type CapiCluster, machineDeploymentKind, machineKind } from "./kinds.ts";
import { problemsOf, summaryOf } from "./problems.ts";

/** Reads what belongs to a cluster. */
export const readParts = async (
  client: KubernetesClient,
  cluster: CapiCluster,
  options: ReadOptions,
): Promise<ClusterParts> => {
  const { namespace, name } = cluster.metadata;
  const from = { namespace, labels: { [capiLabels.cluster]: name } };
  const [deployments, machines] = await Promise.all([
    client.list(machineDeploymentKind, from, options),
    client.list(machineKind, from, options),
  ]);
  return { cluster, deployments, machines };
};

/**
 * The wish is told before the condition that follows it; a condition of an older wish may be about a pause that is over.
 */
export const isPaused = ({ metadata, paused, conditions }: CapiCluster): boolean => {
  const generation = metadata.generation ?? 0;
  const said = conditionOf(conditions, "Paused");
  return (
    paused ||
    metadata.annotations[pausedAnnotation] !== undefined ||
    (said?.status === "True" && (said.observedGeneration ?? generation) >= generation)
  );
};

const pausedAnnotation = "cluster.x-k8s.io/paused";

/** The Cluster's controller has seen its newest generation. */
export const isObserved = ({ metadata, observedGeneration, conditions }: CapiCluster): boolean => {
  const generation = metadata.generation ?? 0;
  // The topology has a controller of its own, which may be behind.
  const topology = conditionOf(conditions, "TopologyReconciled")?.observedGeneration ?? generation;
  return observedGeneration >= generation && topology >= generation;
};

/** A cluster with a topology, as its objects show it. */
export const stateOf = (parts: ClusterParts): ClusterState => {
  const { cluster, deployments, machines } = parts;
  const { metadata, topology, conditions } = cluster;
  const ofPool = (name: string) =>
    deployments.filter(({ metadata: own }) => own.labels[capiLabels.topologyDeployment] === name);
  const controlPlane = controlPlaneOf(parts, topology?.controlPlaneReplicas ?? null);
  const nodePools = (topology?.nodePools ?? []).map(({ name, replicas }) => ({
    name,
    ...workersOf(ofPool(name), machines, replicas),
    busy: ofPool(name).some(isBusy),
  }));
  const groups = [controlPlane, ...nodePools];
  const deleting = metadata.deletionTimestamp !== undefined;
  const observed = isObserved(cluster) && deployments.every((each) => each.observed);
  const reconciled = !isFalse(conditions, "TopologyReconciled");
  const whole =
    groups.every(isWhole) &&
    groups.every((group) => runsOnly(group, (version) => version === topology?.version)) &&
    // A MachineDeployment that the topology no longer names is on its way out.
    deployments.every(({ metadata: own }) =>
      nodePools.some(({ name }) => name === own.labels[capiLabels.topologyDeployment]),
    );
  const unfinished = !whole || isBusy(cluster) || !reconciled;
  return {
    uid: metadata.uid,
    kubernetesVersion: topology?.version ?? null,
    observed,
    deleting,
    paused: isPaused(cluster),
    infrastructureReady:
      cluster.infrastructureProvisioned && !isFalse(conditions, "InfrastructureReady"),
    controlPlaneInitialized:
      cluster.controlPlaneInitialized || isTrue(conditions, "ControlPlaneInitialized"),
    controlPlaneAvailable: isTrue(conditions, "ControlPlaneAvailable"),
    workersAvailable: isTrue(conditions, "WorkersAvailable"),
    reconciled,
    changing: !deleting && unfinished,
    settled:
      !deleting &&
      observed &&
      !unfinished &&
      isTrue(conditions, "Available") &&
      isTrue(conditions, "TopologyReconciled"),
    controlPlane,
    nodePools,
    endpoint: cluster.endpoint,
    summary: summaryOf(parts),
    problems: problemsOf(parts),
  };
};

/** The kubeconfig that Cluster API keeps in the Secret `<cluster>-kubeconfig`, key `value`; null while there is none. */
export const readKubeconfig = async (
  client: KubernetesClient,
  { place, name }: { readonly place: KubernetesPlace; readonly name: string },
  options: ReadOptions,
): Promise<string | null> => {
  const at = { namespace: place.namespace, name: `${name}-kubeconfig` };
  const secret = await client.read(secretKind, at, options);
  const value = secret?.data["value"];
  return value === undefined ? null : Buffer.from(value, "base64").toString("utf8");
};
