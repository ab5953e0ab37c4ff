import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { found, no, yes } from "./conditions.ts";
import { clusterFaultsOf } from "./faults.ts";
import { release } from "./finalizers.ts";
import { keyOf, kindName } from "./kinds.ts";
import { isReadyMachine, markUpToDate, workerMachines } from "./machine.ts";
import type { ClusterSpec, ControlPlaneSpec, ControlPlaneStatus, DeploymentSpec } from "./model.ts";
import { makeMachine, removeMachine } from "./new-machine.ts";
import { failingNode } from "./node.ts";
import {
  annotations,
  childOf,
  clusterNameOf,
  clusterOf,
  follow,
  isDeleting,
  isPaused,
  labels,
  ownedOf,
  partsOfCluster,
  specOf,
} from "./relations.ts";
import { countMachines, machinesFindings, scalingFindings } from "./replicas.ts";
import { takes } from "./waiting.ts";

export const setFinalizer = "cluster.x-k8s.io/machineset";

/** Plays Cluster API's MachineSet controller: as many machines of one template as it is asked for, all at once. */
export const machineSets: Behaviour = {
  manager: "capi-machineset",
  watches: [
    { kind: kindName("MachineSet") },
    childOf("Machine", "MachineSet"),
    partsOfCluster("MachineSet"),
  ],
  reconciles: [kindName("MachineSet")],
  reconcile(set, cluster) {
    const owner = clusterOf(set, cluster);
    if (isPaused(set, owner)) return null;
    const machines = ownedOf(cluster, "Machine", set);
    if (isDeleting(set)) {
      for (const machine of machines) removeIfAlive(machine, set, cluster);
      writeStatus(set, 0, null, cluster);
      if (machines.length === 0) release(set, setFinalizer, cluster);
      return null;
    }
    const desired = specOf<DeploymentSpec>(set).replicas ?? 1;
    const alive = machines.filter((machine) => !isDeleting(machine));
    const blocked =
      alive.length < desired ? grow(set, desired - alive.length, owner, cluster) : null;
    const surplus = alive.toSorted(byWorth(set)).slice(0, Math.max(0, alive.length - desired));
    for (const machine of surplus) removeMachine(machine, set, cluster);
    writeStatus(set, desired, blocked, cluster);
    return blocked === null ? null : takes.retry;
  },
};

/** Makes the machines that are missing; answers why it cannot. */
function grow(
  set: KubeObject,
  missing: number,
  owner: KubeObject | undefined,
  cluster: ClusterClient,
): string | null {
  const unstable = controlPlaneObstacle(owner, cluster);
  if (unstable !== null) return unstable;
  const { template } = specOf<DeploymentSpec>(set);
  const { configRef } = template.spec.bootstrap;
  for (let index = 0; index < missing; index += 1) {
    const problem = makeMachine(
      {
        owner: set,
        version: template.spec.version ?? "",
        infrastructureTemplate: template.spec.infrastructureRef,
        bootstrap: configRef === undefined ? { config: {} } : { template: configRef },
        labels: { ...template.metadata?.labels, [labels.setName]: set.metadata.name },
        annotations: markOfFailure(owner, cluster),
      },
      cluster,
    );
    if (problem !== null) {
      cluster.event(set, "Warning", "FailedCreate", problem);
      return problem;
    }
  }
  return null;
}

/** The check that keeps workers from joining a control plane that is being upgraded (`ControlPlaneIsStable`). */
function controlPlaneObstacle(
  owner: KubeObject | undefined,
  cluster: ClusterClient,
): string | null {
  if (owner === undefined) return "the Cluster does not exist";
  const plane = follow(specOf<ClusterSpec>(owner).controlPlaneRef, owner, cluster);
  if (plane === undefined) return null;
  const { version } = (plane["status"] ?? {}) as Partial<ControlPlaneStatus>;
  const wanted = specOf<ControlPlaneSpec>(plane).version;
  if (version === undefined) {
    return `KubeadmControlPlane ${plane.metadata.name} is provisioning ("ControlPlaneIsStable" preflight check failed)`;
  }
  return version === wanted
    ? null
    : `KubeadmControlPlane ${plane.metadata.name} has a pending version upgrade ("ControlPlaneIsStable" preflight check failed)`;
}

/** The first worker of a cluster called `…-worker-fails` is the one whose node does. */
function markOfFailure(
  owner: KubeObject | undefined,
  cluster: ClusterClient,
): Readonly<Record<string, string>> {
  if (owner === undefined || !clusterFaultsOf(owner.metadata.name).workerFails) return {};
  return workerMachines(cluster, owner).length === 0 ? { [failingNode]: "" } : {};
}

function removeIfAlive(machine: KubeObject, set: KubeObject, cluster: ClusterClient): void {
  if (!isDeleting(machine)) removeMachine(machine, set, cluster);
}

/** Least missed first: what a client marked, what is not ready, then by the set's `deletion.order` (Random: by name). */
function byWorth(set: KubeObject): (a: KubeObject, b: KubeObject) => number {
  const order = specOf<DeploymentSpec>(set).deletion?.order ?? "Random";
  return (a, b) => {
    const difference = worth(a) - worth(b);
    if (difference !== 0) return difference;
    const byName = a.metadata.name < b.metadata.name ? -1 : 1;
    if (order === "Random") return byName;
    const age = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
    return (order === "Oldest" ? age : -age) || byName;
  };
}

function worth(machine: KubeObject): number {
  if (machine.metadata.annotations?.[annotations.deleteMachine] !== undefined) return 0;
  return isReadyMachine(machine) ? 2 : 1;
}

function writeStatus(
  set: KubeObject,
  desired: number,
  blocked: string | null,
  cluster: ClusterClient,
): void {
  const newest = cluster.get(keyOf(set));
  if (newest === undefined) return;
  const isCurrent = !isOutdated(newest, cluster);
  const machines = ownedOf(cluster, "Machine", set);
  for (const machine of machines) markUpToDate(machine, isCurrent, cluster);
  const counted = ownedOf(cluster, "Machine", set);
  cluster.updateStatus(keyOf(set), {
    observedGeneration: newest.metadata.generation ?? 1,
    selector: `${labels.clusterName}=${clusterNameOf(set)},${labels.setName}=${set.metadata.name}`,
    ...countMachines(counted),
    conditions: found(newest, cluster.now(), {
      ...machinesFindings(counted),
      ...scalingFindings(desired, counted, blocked),
      Remediating: no("NotRemediating"),
      Deleting: isDeleting(newest)
        ? yes("Deleting", `Deleting ${counted.length} Machines`)
        : no("NotDeleting"),
      Paused: no("NotPaused"),
    }),
  });
}

/** Whether its MachineDeployment has moved on to another template. */
function isOutdated(set: KubeObject, cluster: ClusterClient): boolean {
  const [owner] = set.metadata.ownerReferences ?? [];
  if (owner?.kind !== "MachineDeployment") return false;
  const deployment = cluster.get({
    kind: kindName("MachineDeployment"),
    namespace: set.metadata.namespace ?? "",
    name: owner.name,
  });
  if (deployment === undefined) return false;
  const wanted = specOf<DeploymentSpec>(deployment).template.spec;
  const mine = specOf<DeploymentSpec>(set).template.spec;
  return (
    wanted.version !== mine.version ||
    wanted.infrastructureRef.name !== mine.infrastructureRef.name ||
    wanted.bootstrap.configRef?.name !== mine.bootstrap.configRef?.name
  );
}
