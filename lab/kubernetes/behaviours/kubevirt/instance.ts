import { isDeepStrictEqual } from "node:util";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { second, timestamp } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { isTrue, withCondition, withoutCondition } from "./conditions.ts";
import type { NewCondition } from "./conditions.ts";
import { vmFaultsOf } from "./faults.ts";
import { addressFor, macFor, nodeFor } from "./nodes.ts";
import {
  claimKind,
  instanceKind,
  instanceSpec,
  instanceStatus,
  held,
  isDeleting,
  isFinal,
  sameName,
  withoutFinalizer,
} from "./objects.ts";
import type { InstanceStatus, Phase } from "./objects.ts";

export const instanceFinalizer = "kubevirt.io/foregroundDeleteVirtualMachine";

interface Memory {
  /** Since when the phase is what it is, in ms since 1970. */
  readonly since: number;
  /** Since when it is being stopped. */
  readonly stoppingSince?: number;
}

/** How long a phase of the start takes, and what follows: twenty seconds from the object to a running guest. */
const start: Partial<Record<Phase, { readonly ms: number; readonly next: Phase }>> = {
  Pending: { ms: 2 * second, next: "Scheduling" },
  Scheduling: { ms: 8 * second, next: "Scheduled" },
  Scheduled: { ms: 10 * second, next: "Running" },
};

const shutdownMs = 30 * second;
const killMs = 1 * second;
/** How long kubelet tries to pull an image before it backs off. */
const pullMs = 20 * second;

/**
 * Plays one VirtualMachineInstance, virt-launcher's pod and the guest in it:
 *
 *   Pending ─▶ Scheduling ─▶ Scheduled ─▶ Running ─▶ Succeeded      (deleted: the guest is shut down first)
 *                                 └─────▶ Failed
 */
export function reconcileInstance(seen: KubeObject, cluster: ClusterClient): number | null {
  const key = sameName(seen, instanceKind);
  const instance = isDeleting(seen) ? seen : held(seen, instanceKind, instanceFinalizer, cluster);
  if (instance === undefined) return null;
  const memory = cluster.memory<Memory>(instance) ?? { since: cluster.now() };
  if (cluster.memory(instance) === undefined) cluster.remember(instance, memory);
  if (isDeleting(instance)) return stop(instance, memory, cluster);
  const status = instanceStatus(instance);
  const againInMs = isFinal(status) ? null : live(instance, status, memory, cluster);
  if (!isDeepStrictEqual(status, instanceStatus(instance))) cluster.updateStatus(key, status);
  return againInMs;
}

/** Changes the draft `status` by what life has brought; returns when to look again. */
function live(
  instance: KubeObject,
  status: InstanceStatus,
  memory: Memory,
  cluster: ClusterClient,
): number | null {
  const { phase } = status;
  if (phase === undefined) {
    const isReceiver = instance.metadata.annotations?.[receiverAnnotation] === "true";
    return enter(isReceiver ? "WaitingForSync" : "Pending", instance, status, cluster);
  }
  const step = start[phase];
  if (step === undefined) return null;
  const elapsedMs = (cluster.now() - memory.since) * cluster.speed;
  const obstacle = obstacleFor(instance, phase, elapsedMs, cluster);
  if (obstacle !== null) {
    set(status, obstacle.condition, cluster);
    return obstacle.againInMs;
  }
  status.conditions = withoutCondition(status.conditions ?? [], "PodScheduled");
  if (phase !== "Pending") set(status, { type: "Synchronized", status: "True" }, cluster);
  if (elapsedMs < step.ms) return step.ms - elapsedMs;
  const fails = step.next === "Running" && vmFaultsOf(instance.metadata.name).crashes;
  return enter(fails ? "Failed" : step.next, instance, status, cluster);
}

/** Marks an instance that waits to receive a migration. */
export const receiverAnnotation = "kubevirt.io/create-migration-target";

function enter(
  phase: Phase,
  instance: KubeObject,
  status: InstanceStatus,
  cluster: ClusterClient,
): number {
  const now = timestamp(cluster);
  const { uid, name } = instance.metadata;
  status.phase = phase;
  status.phaseTransitionTimestamps = [
    ...(status.phaseTransitionTimestamps ?? []),
    { phase, phaseTransitionTimestamp: now },
  ];
  cluster.remember(instance, { since: cluster.now() } satisfies Memory);
  if (phase === "Pending") {
    status.guestOSInfo = {};
    status.qosClass = "Burstable";
    status.runtimeUser = 107;
    set(status, notReady("PodNotExists", "virt-launcher pod has not yet been scheduled"), cluster);
  }
  if (phase === "Scheduling") {
    set(status, notReady("GuestNotRunning", "Guest VM is not reported as running"), cluster);
  }
  if (phase === "Scheduled") {
    status.nodeName = nodeFor(uid, cluster) ?? "";
    status.activePods = { [`${uid.slice(0, -1)}0`]: status.nodeName };
  }
  if (phase === "Running") run(instance, status, cluster);
  if (phase === "Failed") {
    set(status, notReady("PodTerminating", "virt-launcher pod is terminating"), cluster);
    cluster.event(instance, "Warning", "Stopped", "The VirtualMachineInstance crashed.");
    cluster.effect(name, "vm-crashed", {}, uid);
  }
  return 0;
}

function notReady(reason: string, message: string): NewCondition {
  return { type: "Ready", status: "False", reason, message };
}

function run(instance: KubeObject, status: InstanceStatus, cluster: ClusterClient): void {
  const { uid, name } = instance.metadata;
  const { domain, volumes = [], startStrategy } = instanceSpec(instance);
  set(status, { type: "Ready", status: "True" }, cluster);
  const claim = exclusiveClaim(instance, cluster);
  set(
    status,
    claim === null
      ? { type: "LiveMigratable", status: "True" }
      : {
          type: "LiveMigratable",
          status: "False",
          reason: "DisksNotLiveMigratable",
          message: `cannot migrate VMI: PVC ${claim} is not shared, live migration requires that all PVCs must be shared (using ReadWriteMany access mode)`,
        },
    cluster,
  );
  if (startStrategy === "Paused") set(status, paused, cluster);
  status.machine = { type: domain.machine?.type ?? "q35" };
  status.migrationMethod = claim === null ? "LiveMigration" : "BlockMigration";
  status.migrationTransport = "Unix";
  status.volumeStatus = volumes.map((volume, index) => ({
    name: volume.name,
    target: `vd${String.fromCodePoint(97 + (index % 26))}`,
  }));
  status.interfaces = (domain.devices.interfaces ?? []).map((one, index) => {
    const ipAddress = addressFor(uid, index);
    return {
      name: one.name,
      interfaceName: `eth${index}`,
      podInterfaceName: `eth${index}`,
      infoSource: "domain",
      ipAddress,
      ipAddresses: [ipAddress],
      linkState: "up",
      mac: one.macAddress ?? macFor(uid, index),
      queueCount: 1,
    };
  });
  cluster.event(instance, "Normal", "Started", "VirtualMachineInstance started.");
  cluster.effect(name, "vm-started", { node: status.nodeName ?? "" }, uid);
}

export const paused: NewCondition = {
  type: "Paused",
  status: "True",
  reason: "PausedByUser",
  message: "VMI was paused by user",
};

/** A claim that only one node may mount, by its name: what uses it cannot move. */
function exclusiveClaim(instance: KubeObject, cluster: ClusterClient): string | null {
  const namespace = instance.metadata.namespace ?? "";
  for (const name of claimsOf(instance)) {
    const claim = cluster.get({ kind: claimKind, namespace, name });
    const spec = claim?.["spec"] as { readonly accessModes?: readonly string[] } | undefined;
    if (spec?.accessModes?.includes("ReadWriteMany") === false) return name;
  }
  return null;
}

function claimsOf(instance: KubeObject): readonly string[] {
  return (instanceSpec(instance).volumes ?? []).flatMap(({ dataVolume, persistentVolumeClaim }) => {
    const name = dataVolume?.name ?? persistentVolumeClaim?.claimName;
    return name === undefined ? [] : [name];
  });
}

interface Obstacle {
  readonly condition: NewCondition;
  readonly againInMs: number | null;
}

/** What keeps an instance from getting on. */
function obstacleFor(
  instance: KubeObject,
  phase: Phase,
  elapsedMs: number,
  cluster: ClusterClient,
): Obstacle | null {
  const faults = vmFaultsOf(instance.metadata.name);
  const namespace = instance.metadata.namespace ?? "";
  const missing = claimsOf(instance).find(
    (name) => cluster.get({ kind: claimKind, namespace, name }) === undefined,
  );
  if (phase === "Pending" && missing !== undefined) {
    const message = `PVC ${namespace}/${missing} does not exist, waiting for it to appear`;
    return { condition: unsynchronized("FailedPvcNotFound", message), againInMs: 5 * second };
  }
  if (phase !== "Scheduling") return null;
  if (faults.isUnschedulable) {
    const message = "0/3 nodes are available: 3 Insufficient memory.";
    const condition = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
    } as const;
    return { condition, againInMs: null };
  }
  const image = instanceSpec(instance).volumes?.find(
    (volume) => volume.containerDisk !== undefined,
  );
  if (!faults.isImageMissing || image?.containerDisk === undefined) return null;
  const isPulling = elapsedMs < pullMs;
  const message = isPulling
    ? `failed to pull image "${image.containerDisk.image}": not found`
    : `Back-off pulling image "${image.containerDisk.image}"`;
  return {
    condition: unsynchronized(isPulling ? "ErrImagePull" : "ImagePullBackOff", message),
    againInMs: isPulling ? pullMs - elapsedMs : null,
  };
}

function unsynchronized(reason: string, message: string): NewCondition {
  return { type: "Synchronized", status: "False", reason, message };
}

function set(status: InstanceStatus, condition: NewCondition, cluster: ClusterClient): void {
  status.conditions = withCondition(status.conditions ?? [], condition, timestamp(cluster));
}

/** Shuts the guest down, or kills it when there is no time for that, and lets the object go. */
function stop(instance: KubeObject, memory: Memory, cluster: ClusterClient): number | null {
  const key = sameName(instance, instanceKind);
  const status = instanceStatus(instance);
  const { name, uid } = instance.metadata;
  if (isFinal(status) || status.phase === undefined) {
    cluster.update(key, (newest) => withoutFinalizer(newest, instanceFinalizer));
    return null;
  }
  const { stoppingSince } = memory;
  if (stoppingSince === undefined) {
    cluster.remember(instance, { ...memory, stoppingSince: cluster.now() });
    return 0;
  }
  const graceS = instanceSpec(instance).terminationGracePeriodSeconds;
  const isKilled =
    graceS === 0 || status.phase !== "Running" || isTrue(status.conditions, "Paused");
  if (!isKilled && vmFaultsOf(name).stopHangs) return null;
  const ms = isKilled ? killMs : Math.min(shutdownMs, (graceS ?? Infinity) * second);
  const leftMs = ms - (cluster.now() - stoppingSince) * cluster.speed;
  if (leftMs > 0) return leftMs;
  const wasRunning = status.phase === "Running";
  enter("Succeeded", instance, status, cluster);
  set(status, notReady("PodTerminating", "virt-launcher pod is terminating"), cluster);
  cluster.updateStatus(key, status);
  if (wasRunning)
    cluster.effect(name, "vm-stopped", { how: isKilled ? "killed" : "shut down" }, uid);
  return 0;
}
