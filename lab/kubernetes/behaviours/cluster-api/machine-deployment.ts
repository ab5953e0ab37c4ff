import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { found, no, yes } from "./conditions.ts";
import { hold, release } from "./finalizers.ts";
import { apiVersionOf, keyOf, kindName, namespaceOf, ownedBy } from "./kinds.ts";
import { isReadyMachine } from "./machine.ts";
import { setFinalizer } from "./machine-set.ts";
import type { DeploymentSpec } from "./model.ts";
import { endingFor, hashOf } from "./names.ts";
import {
  childOf,
  clusterNameOf,
  clusterOf,
  isDeleting,
  isPaused,
  labels,
  listOf,
  ownedOf,
  partsOfCluster,
  specOf,
  statusOf,
} from "./relations.ts";
import {
  absolute,
  countMachines,
  machinesFindings,
  rollingFinding,
  scalingFindings,
} from "./replicas.ts";

const finalizer = "cluster.x-k8s.io/machinedeployment";

/**
 * Plays Cluster API's MachineDeployment controller: one MachineSet for each template, and a rolling update between them that
 * never has more than `maxSurge` machines too many nor more than `maxUnavailable` too few.
 */
export const machineDeployments: Behaviour = {
  manager: "capi-machinedeployment",
  watches: [
    { kind: kindName("MachineDeployment") },
    childOf("MachineSet", "MachineDeployment"),
    partsOfCluster("MachineDeployment"),
  ],
  reconciles: [kindName("MachineDeployment")],
  reconcile(deployment, cluster) {
    const owner = clusterOf(deployment, cluster);
    if (isPaused(deployment, owner) || specOf<DeploymentSpec>(deployment).paused === true) {
      return null;
    }
    const sets = ownedOf(cluster, "MachineSet", deployment);
    if (isDeleting(deployment)) {
      for (const set of sets) cluster.delete(keyOf(set));
      writeStatus(deployment, cluster);
      if (sets.length === 0) {
        noteVersion(deployment, cluster);
        release(deployment, finalizer, cluster);
      }
      return null;
    }
    hold(deployment, finalizer, cluster);
    rollOut(deployment, sets, cluster);
    writeStatus(deployment, cluster);
    noteVersion(deployment, cluster);
    return null;
  },
};

function rollOut(
  deployment: KubeObject,
  sets: readonly KubeObject[],
  cluster: ClusterClient,
): void {
  const spec = specOf<DeploymentSpec>(deployment);
  const desired = spec.replicas ?? 1;
  const wanted = setFor(deployment);
  const newest = sets.find(({ metadata }) => metadata.name === wanted.name);
  const old = sets.filter((set) => set !== newest && !isDeleting(set));
  const askedOf = (set: KubeObject): number => specOf<DeploymentSpec>(set).replicas ?? 0;
  const oldTotal = old.reduce((sum, set) => sum + askedOf(set), 0);
  if (newest === undefined) {
    cluster.create(wanted.object(oldTotal === 0 ? desired : 0));
    cluster.event(deployment, "Normal", "SuccessfulCreate", `Created MachineSet ${wanted.name}`);
    if (oldTotal === 0) return;
  }
  const asked = newest === undefined ? 0 : askedOf(newest);
  if (oldTotal === 0) {
    for (const set of old) {
      if (ownedOf(cluster, "Machine", set).length === 0) cluster.delete(keyOf(set));
    }
    if (newest !== undefined) scale(newest, desired, cluster);
    return;
  }
  if (spec.rollout?.strategy?.type === "OnDelete") return;

  const { maxSurge, maxUnavailable } = spec.rollout?.strategy?.rollingUpdate ?? {};
  const surge = absolute(maxSurge, desired, 1, Math.ceil);
  const most = desired + (surge === 0 && maxUnavailable === undefined ? 1 : surge);
  const least = desired - absolute(maxUnavailable, desired, 0, Math.floor);
  const machines = sets.flatMap((set) => ownedOf(cluster, "Machine", set));
  const grown = Math.max(
    asked,
    Math.min(desired, asked + Math.max(0, most - Math.max(machines.length, asked + oldTotal))),
  );
  const newSet =
    newest ??
    cluster.get({ ...keyOf(deployment), kind: kindName("MachineSet"), name: wanted.name });
  if (newSet !== undefined) scale(newSet, Math.min(desired, grown), cluster);

  const ready = machines.filter(isReadyMachine).length;
  const unready = old.reduce(
    (sum, set) =>
      sum +
      ownedOf(cluster, "Machine", set).filter(
        (machine) => !isReadyMachine(machine) && !isDeleting(machine),
      ).length,
    0,
  );
  // Old machines that serve nobody may go at once, others only while enough serve.
  let removable = unready + Math.max(0, ready - least);
  for (const set of old) {
    const fewer = Math.min(askedOf(set), removable);
    removable -= fewer;
    if (fewer > 0) scale(set, askedOf(set) - fewer, cluster);
  }
}

function setFor(deployment: KubeObject): {
  readonly name: string;
  readonly object: (replicas: number) => Parameters<ClusterClient["create"]>[0];
} {
  const spec = specOf<DeploymentSpec>(deployment);
  const hash = hashOf(spec.template.spec);
  const name = `${deployment.metadata.name}-${endingFor(deployment.metadata.uid, hash)}`;
  const own = {
    ...spec.template.metadata?.labels,
    [labels.clusterName]: clusterNameOf(deployment),
    [labels.deploymentName]: deployment.metadata.name,
    [labels.templateHash]: hash,
  };
  return {
    name,
    object: (replicas) => ({
      apiVersion: apiVersionOf("MachineSet"),
      kind: "MachineSet",
      metadata: {
        name,
        namespace: namespaceOf(deployment),
        labels: own,
        finalizers: [setFinalizer],
        ownerReferences: [ownedBy(deployment)],
      },
      spec: {
        clusterName: spec.clusterName,
        replicas,
        selector: { matchLabels: { ...spec.selector.matchLabels, [labels.templateHash]: hash } },
        ...(spec.deletion === undefined ? {} : { deletion: spec.deletion }),
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels: own } },
      },
    }),
  };
}

function scale(set: KubeObject, replicas: number, cluster: ClusterClient): void {
  cluster.update(keyOf(set), (newest) => ({
    ...newest,
    spec: { ...specOf<DeploymentSpec>(newest), replicas },
  }));
}

/** The machines of all its sets. */
export function machinesOfDeployment(
  deployment: KubeObject,
  cluster: Pick<ClusterClient, "list" | "get" | "now" | "speed">,
): readonly KubeObject[] {
  const owner = { namespace: namespaceOf(deployment), name: clusterNameOf(deployment) };
  return listOf(cluster, "Machine", owner, { [labels.deploymentName]: deployment.metadata.name });
}

function writeStatus(deployment: KubeObject, cluster: ClusterClient): void {
  const newest = cluster.get(keyOf(deployment));
  if (newest === undefined) return;
  const { replicas: desired = 1, ...spec } = specOf<DeploymentSpec>(newest);
  const machines = machinesOfDeployment(newest, cluster);
  const counts = countMachines(machines);
  const least =
    desired -
    absolute(spec.rollout?.strategy?.rollingUpdate?.maxUnavailable, desired, 0, Math.floor);
  const available = counts.availableReplicas >= least;
  const phase =
    counts.replicas < desired || counts.readyReplicas < desired
      ? "ScalingUp"
      : counts.replicas > desired
        ? "ScalingDown"
        : "Running";
  const lacking = `${counts.availableReplicas} available replicas, at least ${least} required (spec.replicas is ${desired})`;
  cluster.updateStatus(keyOf(newest), {
    observedGeneration: newest.metadata.generation ?? 1,
    selector: `${labels.clusterName}=${clusterNameOf(newest)},${labels.deploymentName}=${newest.metadata.name}`,
    phase,
    ...counts,
    conditions: found(newest, cluster.now(), {
      Available: available ? yes("Available") : no("NotAvailable", lacking),
      ...machinesFindings(machines),
      RollingOut: rollingFinding(machines),
      ...scalingFindings(isDeleting(newest) ? 0 : desired, machines),
      Remediating: no("NotRemediating"),
      Deleting: isDeleting(newest)
        ? yes("Deleting", `Deleting ${machines.length} Machines`)
        : no("NotDeleting"),
      Paused: no("NotPaused"),
    }),
  });
}

/** Says once, when all machines have it, that the deployment has another version. */
function noteVersion(deployment: KubeObject, cluster: ClusterClient): void {
  const newest = cluster.get(keyOf(deployment));
  if (newest === undefined) return;
  const { versions } = statusOf<{ versions: readonly { version: string }[] }>(newest);
  const [only, other] = versions ?? [];
  if (only === undefined || other !== undefined) return;
  const memory = cluster.memory<{ readonly version?: string }>(newest);
  if (memory?.version === only.version) return;
  cluster.remember(newest, { ...memory, version: only.version });
  if (memory?.version === undefined) return;
  cluster.effect(newest.metadata.name, "workers-upgraded", {
    cluster: clusterNameOf(newest),
    from: memory.version,
    to: only.version,
  });
}
