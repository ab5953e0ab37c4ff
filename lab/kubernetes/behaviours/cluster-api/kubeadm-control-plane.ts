import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Finding, found, no, yes } from "./conditions.ts";
import { clusterFaultsOf } from "./faults.ts";
import { hold, release } from "./finalizers.ts";
import { keyOf, kindName } from "./kinds.ts";
import { admitControlPlane } from "./kubeadm-control-plane-admission.ts";
import { keepKubeconfig } from "./kubeconfig.ts";
import { isReadyMachine, markUpToDate, workerMachines } from "./machine.ts";
import type {
  ClusterStatus,
  ControlPlaneSpec,
  ControlPlaneStatus,
  MachineSpec,
  MachineStatus,
} from "./model.ts";
import { makeMachine, removeMachine } from "./new-machine.ts";
import {
  annotations,
  childOf,
  childOfCluster,
  clusterNameOf,
  clusterOf,
  follow,
  isDeleting,
  isPaused,
  labels,
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
import { compareVersions } from "./versions.ts";
import { takes } from "./waiting.ts";

const finalizer = "kubeadm.controlplane.cluster.x-k8s.io";

/**
 * Plays the kubeadm control plane provider: one machine after the other, because each joins the etcd of those before it. A
 * roll-out adds one of the new kind before it takes one of the old (maxSurge 1), or the other way round (maxSurge 0).
 */
export const kubeadmControlPlanes: Behaviour = {
  manager: "capi-kubeadmcontrolplane",
  watches: [
    { kind: kindName("KubeadmControlPlane") },
    childOf("Machine", "KubeadmControlPlane"),
    childOf("Secret", "KubeadmControlPlane"),
    partsOfCluster("KubeadmControlPlane"),
    // Workers go first when a cluster is deleted.
    {
      kind: kindName("Machine"),
      toKeys: (machine, view) => {
        if (!isDeleting(machine)) return [];
        const [key] = childOfCluster("Machine").toKeys?.(machine, view) ?? [];
        const owner = key && view.get(key);
        return owner === undefined
          ? []
          : (partsOfCluster("KubeadmControlPlane").toKeys?.(owner, view) ?? []);
      },
    },
  ],
  reconciles: [kindName("KubeadmControlPlane")],
  admit: admitControlPlane,
  reconcile(plane, cluster) {
    const owner = clusterOf(plane, cluster);
    if (isPaused(plane, owner)) return null;
    if (isDeleting(plane)) return takeApart(plane, owner, cluster);
    hold(plane, finalizer, cluster);
    const isReady =
      owner !== undefined &&
      statusOf<ClusterStatus>(owner).initialization?.infrastructureProvisioned === true;
    if (isReady) keepKubeconfig(plane, owner, cluster);
    const problem = isReady ? step(plane, cluster) : null;
    writeStatus(plane, problem, cluster);
    return problem === null ? null : takes.retry;
  },
};

/** Makes or removes at most one machine; answers why it cannot. */
function step(plane: KubeObject, cluster: ClusterClient): string | null {
  const desired = specOf<ControlPlaneSpec>(plane).replicas ?? 1;
  const machines = ownedOf(cluster, "Machine", plane);
  for (const machine of machines) {
    markUpToDate(machine, isUpToDate(machine, plane, cluster), cluster);
  }
  // One thing at a time: nothing while a machine goes, and nothing new while one comes.
  if (machines.some(isDeleting)) return null;
  const old = machines.filter((machine) => !isUpToDate(machine, plane, cluster));
  const [leaving] = (old.length > 0 ? old : machines).toSorted(byWorth);
  const othersAreReady = machines.every(
    (machine) => machine === leaving || isReadyMachine(machine),
  );
  if (machines.length > desired) {
    if (leaving !== undefined && othersAreReady) removeMachine(leaving, plane, cluster);
    return null;
  }
  if (!machines.every(isReadyMachine)) return null;
  if (machines.length < desired) return add(plane, cluster);
  if (leaving === undefined || old.length === 0) return null;
  const stalls = clusterFaultsOf(clusterNameOf(plane)).upgradeStalls;
  if (stalls && old.length < machines.length) {
    return "the remaining control plane machines do not pass etcd health checks";
  }
  const { maxSurge } = specOf<ControlPlaneSpec>(plane).rollout?.strategy?.rollingUpdate ?? {};
  if (absolute(maxSurge, desired, 1, Math.ceil) > 0) return add(plane, cluster);
  removeMachine(leaving, plane, cluster);
  return null;
}

/** Least missed first: what is not ready, then what a client marked, then by name. */
function byWorth(a: KubeObject, b: KubeObject): number {
  return worth(a) - worth(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

function worth(machine: KubeObject): number {
  if (!isReadyMachine(machine)) return 0;
  return machine.metadata.annotations?.[annotations.deleteMachine] === undefined ? 2 : 1;
}

function add(plane: KubeObject, cluster: ClusterClient): string | null {
  const spec = specOf<ControlPlaneSpec>(plane);
  const problem = makeMachine(
    {
      owner: plane,
      version: spec.version,
      infrastructureTemplate: spec.machineTemplate.spec.infrastructureRef,
      bootstrap: { config: spec.kubeadmConfigSpec ?? {} },
      labels: {
        [labels.controlPlane]: "",
        [labels.controlPlaneName]: plane.metadata.name,
      },
    },
    cluster,
  );
  if (problem !== null) cluster.event(plane, "Warning", "ControlPlaneCloneFailed", problem);
  return problem;
}

function isUpToDate(machine: KubeObject, plane: KubeObject, cluster: ClusterClient): boolean {
  const wanted = specOf<ControlPlaneSpec>(plane);
  const spec = specOf<MachineSpec>(machine);
  const infra = follow(spec.infrastructureRef, machine, cluster);
  const template = infra?.metadata.annotations?.[annotations.clonedFrom];
  const isSameTemplate =
    template === undefined || template === wanted.machineTemplate.spec.infrastructureRef.name;
  return spec.version === wanted.version && isSameTemplate;
}

function takeApart(
  plane: KubeObject,
  owner: KubeObject | undefined,
  cluster: ClusterClient,
): number | null {
  const workers = owner === undefined ? [] : workerMachines(cluster, owner);
  const machines = ownedOf(cluster, "Machine", plane);
  if (workers.length > 0) {
    writeStatus(
      plane,
      null,
      cluster,
      yes("WaitingForWorkersDeletion", `Workers: ${workers.length}`),
    );
    return null;
  }
  for (const machine of machines) {
    if (!isDeleting(machine)) removeMachine(machine, plane, cluster);
  }
  const lists = machines.map(({ metadata }) => `* Machine ${metadata.name}`).join("\n");
  writeStatus(plane, null, cluster, yes("WaitingForMachineDeletion", lists));
  if (machines.length === 0) release(plane, finalizer, cluster);
  return null;
}

function writeStatus(
  plane: KubeObject,
  problem: string | null,
  cluster: ClusterClient,
  deleting: Finding = no("NotDeleting"),
): void {
  const newest = cluster.get(keyOf(plane));
  if (newest === undefined) return;
  const spec = specOf<ControlPlaneSpec>(newest);
  const desired = spec.replicas ?? 1;
  const machines = ownedOf(cluster, "Machine", newest);
  const counts = countMachines(machines);
  const earlier = statusOf<ControlPlaneStatus>(newest);
  const wasInitialized = earlier.initialization?.controlPlaneInitialized === true;
  const isInitialized = wasInitialized || machines.some(isReadyMachine);
  const lowest = counts.versions?.[0]?.version;
  const isAvailable = isInitialized && hasQuorum(machines);
  cluster.updateStatus(keyOf(newest), {
    observedGeneration: newest.metadata.generation ?? 1,
    selector: `${labels.clusterName}=${clusterNameOf(newest)},${labels.controlPlane}=`,
    ...counts,
    ...(lowest === undefined ? {} : { version: lowest }),
    ...(isInitialized ? { initialization: { controlPlaneInitialized: true } } : {}),
    conditions: found(newest, cluster.now(), {
      Available: isAvailable
        ? yes("Available")
        : no(
            "NotAvailable",
            isInitialized
              ? "too few control plane machines are healthy for a quorum of etcd"
              : "Control plane not yet initialized",
          ),
      Initialized: isInitialized ? yes("Initialized") : no("NotInitialized"),
      CertificatesAvailable: yes("Available"),
      EtcdClusterHealthy: health(isAvailable),
      ControlPlaneComponentsHealthy: health(isAvailable),
      ...machinesFindings(machines),
      RollingOut: rollingFinding(machines),
      ...scalingFindings(isDeleting(newest) ? 0 : desired, machines, problem),
      Remediating: no("NotRemediating"),
      Deleting: deleting,
      Paused: no("NotPaused"),
    }),
  });
  if (isInitialized && !wasInitialized) {
    cluster.effect(newest.metadata.name, "control-plane-initialized", {
      cluster: clusterNameOf(newest),
      version: spec.version,
    });
  }
  const isAll = counts.versions?.length === 1 && !machines.some(isDeleting);
  if (isAll && lowest !== undefined) noteVersion(newest, lowest, cluster);
}

/** Whether etcd can decide: more than half of the machines that joined it, and are not about to leave, are ready. */
function hasQuorum(machines: readonly KubeObject[]): boolean {
  const members = machines.filter(
    (machine) => !isDeleting(machine) && statusOf<MachineStatus>(machine).nodeRef !== undefined,
  );
  return members.filter(isReadyMachine).length * 2 > members.length;
}

function health(isAvailable: boolean): Finding {
  return isAvailable
    ? yes("Healthy")
    : { status: "Unknown", reason: "HealthUnknown", message: "Waiting for a healthy machine" };
}

/** Says once, when all machines have it, that the control plane has another version. */
function noteVersion(plane: KubeObject, version: string, cluster: ClusterClient): void {
  const memory = cluster.memory<{ readonly version?: string }>(plane);
  if (memory?.version === version) return;
  cluster.remember(plane, { ...memory, version });
  if (memory?.version === undefined || compareVersions(memory.version, version) >= 0) return;
  cluster.effect(plane.metadata.name, "control-plane-upgraded", {
    cluster: clusterNameOf(plane),
    from: memory.version,
    to: version,
  });
}
