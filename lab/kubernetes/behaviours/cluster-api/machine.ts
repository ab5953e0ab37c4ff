import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { conditionOf, type Finding, found, isTrue, no, timeOf, yes } from "./conditions.ts";
import { clusterFaultsOf } from "./faults.ts";
import { release } from "./finalizers.ts";
import { keyOf, kindName, namespaceOf } from "./kinds.ts";
import { hostOf } from "./metal3-host.ts";
import type { InfraMachineSpec, InfraMachineStatus, MachineSpec, MachineStatus } from "./model.ts";
import { uuidOf } from "./names.ts";
import {
  childOf,
  clusterNameOf,
  clusterOf,
  follow,
  isDeleting,
  isPaused,
  labels,
  listOf,
  partsOfCluster,
  specOf,
  statusOf,
} from "./relations.ts";
import { joinedNode, machinesOnHosts, missingNode, newNode } from "./node.ts";
import { left, takes } from "./waiting.ts";

const finalizer = "machine.cluster.x-k8s.io";

/**
 * Plays Cluster API's Machine controller.
 *
 *   Pending ─(bootstrap data)─▶ Provisioning ─(infrastructure)─▶ Provisioned ─(node ready)─▶ Running
 *      any of them ─▶ Deleting: drain the node ─▶ remove the infrastructure ─▶ remove the bootstrap data ─▶ gone
 */
export const machines: Behaviour = {
  manager: "capi-machine",
  watches: [
    { kind: kindName("Machine") },
    childOf("KubeadmConfig", "Machine"),
    childOf("DevMachine", "Machine"),
    childOf("Metal3Machine", "Machine"),
    machinesOnHosts,
    partsOfCluster("Machine"),
  ],
  reconciles: [kindName("Machine")],
  reconcile(machine, cluster) {
    const owner = clusterOf(machine, cluster);
    if (isPaused(machine, owner)) {
      write(machine, {}, { Paused: yes("Paused") }, cluster);
      return null;
    }
    return isDeleting(machine) ? takeApart(machine, cluster) : bringUp(machine, owner, cluster);
  },
};

function bringUp(
  machine: KubeObject,
  owner: KubeObject | undefined,
  cluster: ClusterClient,
): number | null {
  const spec = specOf<MachineSpec>(machine);
  const config = follow(spec.bootstrap.configRef, machine, cluster);
  const infra = follow(spec.infrastructureRef, machine, cluster);
  const secret = config && statusOf<{ dataSecretName: string }>(config).dataSecretName;
  const infraSpec = infra && specOf<InfraMachineSpec>(infra);
  const infraStatus = infra && statusOf<InfraMachineStatus>(infra);
  const isProvisioned = infraStatus?.initialization?.provisioned === true;
  cluster.update(keyOf(machine), (newest) => ({
    ...newest,
    spec: {
      ...specOf<MachineSpec>(newest),
      ...(infraSpec?.providerID === undefined ? {} : { providerID: infraSpec.providerID }),
      bootstrap: {
        ...spec.bootstrap,
        ...(secret === undefined ? {} : { dataSecretName: secret }),
      },
    },
  }));

  const hasJoined = statusOf<MachineStatus>(machine).nodeRef !== undefined;
  const untilJoined = hasJoined || !isProvisioned ? null : untilNode(machine, owner, cluster);
  const nodeExists = hasJoined || untilJoined === 0;
  const node = hasJoined
    ? joinedNode(machine, infra && hostOf(infra, cluster), cluster)
    : { findings: nodeExists ? newNode(machine) : missingNode(machine), againInMs: null };
  const findings = {
    BootstrapConfigReady: mirrored(config, "Ready", secret !== undefined),
    InfrastructureReady: mirrored(infra, "Ready", isProvisioned),
    ...node.findings,
    Deleting: no("NotDeleting"),
    Paused: no("NotPaused"),
  };
  const isReady = Object.entries(findings).every(
    ([type, { status }]) =>
      status === (type === "Deleting" || type === "Paused" ? "False" : "True"),
  );
  const changes = {
    phase: nodeExists
      ? "Running"
      : isProvisioned
        ? "Provisioned"
        : secret !== undefined
          ? "Provisioning"
          : "Pending",
    initialization: {
      ...(secret === undefined ? {} : { bootstrapDataSecretCreated: true }),
      ...(isProvisioned ? { infrastructureProvisioned: true } : {}),
    },
    ...(infraStatus?.addresses === undefined ? {} : { addresses: infraStatus.addresses }),
    ...(nodeExists
      ? { nodeRef: { name: machine.metadata.name }, nodeInfo: nodeInfo(machine) }
      : {}),
  };
  write(machine, changes, { ...findings, ...summary(findings, isReady) }, cluster);
  if (untilJoined === 0) {
    cluster.effect(machine.metadata.name, "node-joined", {
      cluster: clusterNameOf(machine),
      version: spec.version ?? "",
    });
    cluster.event(machine, "Normal", "SuccessfulSetNodeRef", machine.metadata.name);
  }
  return untilJoined === 0 ? null : (untilJoined ?? node.againInMs);
}

/** ms of life until the machine's node is there; null: nothing that passes by waiting. */
function untilNode(
  machine: KubeObject,
  owner: KubeObject | undefined,
  cluster: ClusterClient,
): number | null {
  const isControlPlane = machine.metadata.labels?.[labels.controlPlane] !== undefined;
  if (!isControlPlane) return left("join", takes.workerJoin, machine, cluster);
  const isFirst =
    statusOf<{ initialization: { controlPlaneInitialized?: boolean } }>(owner ?? machine)
      .initialization?.controlPlaneInitialized !== true;
  if (isFirst && clusterFaultsOf(clusterNameOf(machine)).controlPlaneHangs) return null;
  return left("join", isFirst ? takes.firstJoin : takes.controlPlaneJoin, machine, cluster);
}

/** Repeats what an object that the machine refers to says of itself. */
function mirrored(object: KubeObject | undefined, type: string, isReady: boolean): Finding {
  if (object === undefined) return no("ObjectDeleted", "the object has been deleted");
  const said = conditionOf(object, type);
  if (said !== undefined) return said;
  return isReady ? yes("Ready") : no("NotReady", `${object.kind} has not reported a status yet`);
}

function summary(
  findings: Readonly<Record<string, Finding>>,
  isReady: boolean,
): { readonly Ready: Finding; readonly Available: Finding } {
  if (isReady) return { Ready: yes("Ready"), Available: yes("Available") };
  // NodeHealthy says what NodeReady says, and more.
  const issues = Object.entries(findings).filter(
    ([type, { status }]) =>
      type !== "Deleting" && type !== "Paused" && type !== "NodeReady" && status !== "True",
  );
  const message = issues.map(([type, finding]) => `* ${type}:${after(finding)}`).join("\n");
  const isKnown = issues.some(([, { status }]) => status === "False");
  const ready: Finding = isKnown
    ? no("NotReady", message)
    : { status: "Unknown", reason: "ReadyUnknown", message };
  return { Ready: ready, Available: no("NotAvailable") };
}

/** A message that is a list goes below the name of its condition. */
function after({ message = "" }: Finding): string {
  return message.startsWith("*") ? `\n${message.replaceAll(/^/gm, "  ")}` : ` ${message}`;
}

function takeApart(machine: KubeObject, cluster: ClusterClient): number | null {
  const spec = specOf<MachineSpec>(machine);
  const { nodeRef } = statusOf<MachineStatus>(machine);
  if (nodeRef !== undefined) {
    const rest = left("drain", takes.drain, machine, cluster);
    if (rest > 0) {
      const started = startOf(machine, cluster);
      const more = { deletion: { nodeDrainStartTime: started } };
      deleting(
        machine,
        "DrainingNode",
        `Drain not completed yet (started ${started})`,
        cluster,
        more,
      );
      return rest;
    }
  }
  const infra = follow(spec.infrastructureRef, machine, cluster);
  if (infra !== undefined) {
    cluster.delete(keyOf(infra));
    deleting(
      machine,
      "WaitingForInfrastructureDeletion",
      `Waiting for ${infra.kind} to be deleted`,
      cluster,
    );
    if (cluster.get(keyOf(infra)) !== undefined) return null;
  }
  const config = follow(spec.bootstrap.configRef, machine, cluster);
  if (config !== undefined) {
    deleting(
      machine,
      "WaitingForBootstrapDeletion",
      `Waiting for ${config.kind} to be deleted`,
      cluster,
    );
    cluster.delete({
      kind: kindName("Secret"),
      namespace: namespaceOf(machine),
      name: config.metadata.name,
    });
    cluster.delete(keyOf(config));
  }
  deleting(machine, "DeletionCompleted", "Deletion completed", cluster);
  cluster.effect(machine.metadata.name, "machine-deleted", { cluster: clusterNameOf(machine) });
  release(machine, finalizer, cluster);
  return null;
}

function startOf(machine: KubeObject, cluster: ClusterClient): string {
  const { deletion } = statusOf<MachineStatus>(machine);
  return deletion?.nodeDrainStartTime ?? timeOf(cluster.now());
}

function deleting(
  machine: KubeObject,
  reason: string,
  message: string,
  cluster: ClusterClient,
  more: object = {},
): void {
  const unready = `* Deleting: Machine deletion in progress, stage: ${reason}`;
  write(
    machine,
    { phase: "Deleting", ...more },
    {
      Deleting: yes(reason, message),
      Ready: no("NotReady", unready),
      Available: no("NotAvailable"),
      Paused: no("NotPaused"),
    },
    cluster,
  );
}

/** Every write starts from the newest status: the machine's owner says in it whether the machine is up to date. */
function write(
  machine: KubeObject,
  changes: object,
  findings: Readonly<Record<string, Finding>>,
  cluster: ClusterClient,
): void {
  const newest = cluster.get(keyOf(machine)) ?? machine;
  const earlier = statusOf<MachineStatus>(newest);
  const status = {
    ...earlier,
    ...changes,
    observedGeneration: newest.metadata.generation ?? 1,
    conditions: found(newest, cluster.now(), findings),
  };
  const { initialization, ...rest } = status as Partial<MachineStatus>;
  const isEmpty = Object.keys(initialization ?? {}).length === 0;
  const next = isEmpty ? rest : status;
  const moved = "phase" in next && next.phase !== earlier.phase;
  cluster.updateStatus(keyOf(machine), {
    ...next,
    ...(moved ? { lastUpdated: timeOf(cluster.now()) } : {}),
  });
}

function nodeInfo(machine: KubeObject): object {
  const { version = "" } = specOf<MachineSpec>(machine);
  const { uid } = machine.metadata;
  return {
    architecture: "amd64",
    bootID: uuidOf(`boot ${uid}`),
    containerRuntimeVersion: "containerd://2.1.4",
    kernelVersion: "6.8.0-79-generic",
    kubeProxyVersion: version,
    kubeletVersion: version,
    machineID: uuidOf(`machine ${uid}`).replaceAll("-", ""),
    operatingSystem: "linux",
    osImage: "Ubuntu 24.04.3 LTS",
    systemUUID: uuidOf(`system ${uid}`),
  };
}

/** Whether a machine's owner may count on it. */
export function isReadyMachine(machine: KubeObject): boolean {
  return !isDeleting(machine) && isTrue(machine, "Ready");
}

/** Says on the machine whether it is as its owner wants it. */
export function markUpToDate(
  machine: KubeObject,
  isUpToDate: boolean,
  cluster: ClusterClient,
): void {
  const newest = cluster.get(keyOf(machine));
  if (newest === undefined) return;
  const { version = "" } = specOf<MachineSpec>(newest);
  const finding = isUpToDate
    ? yes("UpToDate")
    : no("NotUpToDate", `* Version ${version} or template differ from what is wanted`);
  cluster.updateStatus(keyOf(newest), {
    ...statusOf(newest),
    conditions: found(newest, cluster.now(), { UpToDate: finding }),
  });
}

/** Workers of a cluster: machines that no control plane owns. */
export function workerMachines(cluster: ClusterClient, owner: KubeObject): readonly KubeObject[] {
  return listOf(cluster, "Machine", {
    namespace: namespaceOf(owner),
    name: owner.metadata.name,
  }).filter(({ metadata }) => metadata.labels?.[labels.controlPlane] === undefined);
}
