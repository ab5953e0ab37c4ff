import { isDeepStrictEqual } from "node:util";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import {
  after,
  left,
  minute,
  rfc3339,
  second,
  timestamp,
} from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { findCondition, withCondition, withoutCondition } from "./conditions.ts";
import type { Condition } from "./conditions.ts";
import { volumeStatus } from "./data-volume.ts";
import { vmFaultsOf } from "./faults.ts";
import { instanceFinalizer, receiverAnnotation } from "./instance.ts";
import {
  controllerReference,
  instanceKind,
  instanceStatus,
  held,
  isDeleting,
  isFinal,
  sameName,
  strategyOf,
  vmKind,
  vmSpec,
  vmStatus,
  volumeKind,
  withoutFinalizer,
} from "./objects.ts";
import type { InstanceSpec, VmStatus } from "./objects.ts";
import { printableStatus } from "./printable-status.ts";
import { hasStartRequest, isSetToStart, openRequests, plan } from "./run-strategy.ts";
import type { Instance } from "./run-strategy.ts";

const vmFinalizer = "kubevirt.io/virtualMachineControllerFinalize";

/** Longest wait of a machine whose instances fail before they run. */
const longestRetryMs = 5 * minute;

interface Memory {
  /** The template of the running instance, as JSON: another one needs a restart. */
  readonly startedFrom?: string;
  /** The generation that the running instance was made from. */
  readonly startedGeneration?: number;
  /** After a failed start: not before this time, in ms since 1970. */
  readonly retryAt?: number;
}

/** virt-controller's part of a VirtualMachine: its DataVolumes, its instance, its status. */
export function reconcileVm(seen: KubeObject, cluster: ClusterClient): number | null {
  const vm = isDeleting(seen) ? seen : held(seen, vmKind, vmFinalizer, cluster);
  if (vm === undefined) return null;
  if (isDeleting(vm)) return remove(vm, cluster);
  const volumes = ensureVolumes(vm, cluster);
  const status = vmStatus(vm);
  status.stateChangeRequests = openRequests(
    status.stateChangeRequests ?? [],
    instanceOf(vm, cluster),
  );
  noteFailure(vm, status, cluster);
  const againInMs = act(vm, status, volumes, cluster);
  save(vm, status, volumes, cluster);
  return againInMs;
}

/** Its instance goes first; what else it owns is the garbage collector's. */
function remove(vm: KubeObject, cluster: ClusterClient): null {
  const instance = instanceOf(vm, cluster);
  if (instance !== null) cluster.delete(sameName(vm, instanceKind));
  if (instance !== null || vmFaultsOf(vm.metadata.name).deleteHangs) {
    save(vm, vmStatus(vm), [], cluster);
    return null;
  }
  cluster.update(sameName(vm, vmKind), (newest) => withoutFinalizer(newest, vmFinalizer));
  return null;
}

function instanceOf(vm: KubeObject, cluster: ClusterClient): Instance | null {
  const object = cluster.get(sameName(vm, instanceKind));
  const isOwn = object?.metadata.ownerReferences?.some(({ uid }) => uid === vm.metadata.uid);
  return object !== undefined && isOwn === true ? { object, status: instanceStatus(object) } : null;
}

/** Makes the DataVolumes of its templates, and adopts those that nothing controls. Returns all that its volumes name. */
function ensureVolumes(vm: KubeObject, cluster: ClusterClient): readonly KubeObject[] {
  const { namespace = "", uid } = vm.metadata;
  const { dataVolumeTemplates = [], template } = vmSpec(vm);
  for (const { metadata, spec } of dataVolumeTemplates) {
    const { name, labels, annotations } = metadata;
    const there = cluster.get({ kind: volumeKind, namespace, name });
    if (there !== undefined) {
      adopt(there, vm, cluster);
      continue;
    }
    cluster.create({
      apiVersion: "cdi.kubevirt.io/v1beta1",
      kind: "DataVolume",
      metadata: {
        name,
        namespace,
        labels: { ...labels, "kubevirt.io/created-by": uid },
        annotations: { ...annotations, "cdi.kubevirt.io/allowClaimAdoption": "true" },
        ownerReferences: [controllerReference(vm)],
      },
      spec,
    });
  }
  return (template.spec.volumes ?? []).flatMap(({ dataVolume }) => {
    if (dataVolume === undefined) return [];
    const volume = cluster.get({ kind: volumeKind, namespace, name: dataVolume.name });
    return volume === undefined ? [] : [volume];
  });
}

/**
 * virt-controller's ClaimMatchedDataVolumes (pkg/controller/controller_ref_manager.go): its merge patch puts the machine in the place of
 * whatever owners there were.
 */
function adopt(volume: KubeObject, vm: KubeObject, cluster: ClusterClient): void {
  const { ownerReferences = [] } = volume.metadata;
  if (isDeleting(volume) || ownerReferences.some(({ controller }) => controller === true)) return;
  cluster.update(sameName(volume, volumeKind), (newest) => ({
    ...newest,
    metadata: { ...newest.metadata, ownerReferences: [controllerReference(vm)] },
  }));
}

/** Counts an instance that failed before it ran, and forgets the failures of one that runs. */
function noteFailure(vm: KubeObject, status: VmStatus, cluster: ClusterClient): void {
  const instance = instanceOf(vm, cluster);
  if (instance === null) return;
  const { phase, phaseTransitionTimestamps = [] } = instance.status;
  if (phase === "Running") delete status.startFailure;
  const { uid } = instance.object.metadata;
  const hasRun = phaseTransitionTimestamps.some((transition) => transition.phase === "Running");
  if (phase !== "Failed" || hasRun || status.startFailure?.lastFailedVMIUID === uid) return;
  const count = (status.startFailure?.consecutiveFailCount ?? 0) + 1;
  const retryAt = after(cluster, Math.min(10 * second * 2 ** (count - 1), longestRetryMs));
  status.startFailure = {
    consecutiveFailCount: count,
    lastFailedVMIUID: uid,
    retryAfterTimestamp: rfc3339(retryAt),
  };
  cluster.remember(vm, { ...cluster.memory<Memory>(vm), retryAt } satisfies Memory);
}

function act(
  vm: KubeObject,
  status: VmStatus,
  volumes: readonly KubeObject[],
  cluster: ClusterClient,
): number | null {
  const strategy = strategyOf(vm);
  const wish = plan(strategy, status, instanceOf(vm, cluster));
  switch (wish) {
    case "nothing":
      status.runStrategy = strategy;
      return null;
    case "stop":
    case "stop-and-start":
      cluster.delete(sameName(vm, instanceKind));
      if (wish === "stop-and-start") status.stateChangeRequests = [{ action: "Start" }];
      status.runStrategy = strategy;
      return null;
    case "resume":
      cluster.update(sameName(vm, vmKind), alwaysRunning);
      return null;
    case "start": {
      const retryAt = cluster.memory<Memory>(vm)?.retryAt ?? 0;
      const ms = status.startFailure === undefined ? 0 : left(cluster, retryAt);
      if (ms > 0) return ms;
      if (!areReady(vm, volumes)) return null;
      startInstance(vm, status, cluster);
      status.runStrategy = strategy;
      return null;
    }
  }
}

function alwaysRunning(vm: KubeObject): KubeObject {
  const { running, ...spec } = vmSpec(vm);
  const wish = running === undefined ? { runStrategy: "Always" } : { running: true };
  return { ...vm, spec: { ...spec, ...wish } };
}

function areReady(vm: KubeObject, volumes: readonly KubeObject[]): boolean {
  const templates = vmSpec(vm).dataVolumeTemplates ?? [];
  const isThere = templates.every(({ metadata }) =>
    volumes.some((volume) => volume.metadata.name === metadata.name),
  );
  return isThere && volumes.every((volume) => volumeStatus(volume).phase === "Succeeded");
}

function startInstance(vm: KubeObject, status: VmStatus, cluster: ClusterClient): void {
  const { name, namespace = "", generation = 1 } = vm.metadata;
  const { template } = vmSpec(vm);
  const [request] = status.stateChangeRequests ?? [];
  const startsPaused = hasStartRequest(status) && request?.data?.["paused"] === "true";
  const isReceiver = strategyOf(vm) === "WaitAsReceiver";
  cluster.create({
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachineInstance",
    metadata: {
      name,
      namespace,
      labels: { ...template.metadata?.labels },
      annotations: {
        ...template.metadata?.annotations,
        "kubevirt.io/vm-generation": String(generation),
        ...(isReceiver ? { [receiverAnnotation]: "true" } : {}),
      },
      finalizers: [instanceFinalizer],
      ownerReferences: [controllerReference(vm)],
    },
    spec: {
      ...withDefaultNetwork(template.spec),
      ...(startsPaused ? { startStrategy: "Paused" } : {}),
    },
  });
  const startedFrom = JSON.stringify(template);
  cluster.remember(vm, {
    ...cluster.memory<Memory>(vm),
    startedFrom,
    startedGeneration: generation,
  } satisfies Memory);
  cluster.event(
    vm,
    "Normal",
    "SuccessfulCreate",
    `Started the virtual machine by creating the new virtual machine instance ${name}`,
  );
}

/** A machine that names no network is on that of the pods. */
function withDefaultNetwork(spec: InstanceSpec): InstanceSpec {
  const { devices } = spec.domain;
  if (devices.interfaces !== undefined || spec.networks !== undefined) return spec;
  const interfaces = [{ name: "default", masquerade: {} }];
  const networks = [{ name: "default", pod: {} }];
  return { ...spec, networks, domain: { ...spec.domain, devices: { ...devices, interfaces } } };
}

function save(
  vm: KubeObject,
  status: VmStatus,
  volumes: readonly KubeObject[],
  cluster: ClusterClient,
): void {
  const instance = instanceOf(vm, cluster);
  const memory = cluster.memory<Memory>(vm) ?? {};
  const { stateChangeRequests = [], startFailure, ...rest } = status;
  const next: VmStatus = {
    ...rest,
    conditions: conditionsOf(vm, status, instance, memory, timestamp(cluster)),
    created: instance !== null,
    ready: findCondition(instance?.status.conditions, "Ready")?.status === "True",
    desiredGeneration: vm.metadata.generation ?? 1,
    ...(memory.startedGeneration === undefined
      ? {}
      : { observedGeneration: memory.startedGeneration }),
    printableStatus: printableStatus({
      vm,
      status,
      instance,
      volumes,
      isSetToStart: isSetToStart(strategyOf(vm), status, instance),
    }),
    ...(startFailure === undefined ? {} : { startFailure }),
    ...(stateChangeRequests.length === 0 ? {} : { stateChangeRequests }),
  };
  if (!isDeepStrictEqual(next, vm["status"])) cluster.updateStatus(sameName(vm, vmKind), next);
}

/** The conditions of its instance, and its own. */
function conditionsOf(
  vm: KubeObject,
  status: VmStatus,
  instance: Instance | null,
  memory: Memory,
  now: string,
): readonly Condition[] {
  const own = status.conditions ?? [];
  const inherited = instance?.status.conditions ?? [];
  const ready = findCondition(inherited, "Ready") ?? {
    type: "Ready",
    status: "False" as const,
    reason: "VMINotExists",
    message: "VMI does not exist",
  };
  let conditions = own.filter(
    ({ type }) => type === "Ready" || inherited.some((other) => other.type === type),
  );
  for (const condition of [ready, ...inherited]) {
    conditions = [...withCondition(conditions, condition, now)];
  }
  const isOutdated =
    instance !== null &&
    !isFinal(instance.status) &&
    memory.startedFrom !== undefined &&
    memory.startedFrom !== JSON.stringify(vmSpec(vm).template);
  if (!isOutdated) return withoutCondition(conditions, "RestartRequired");
  const kept = findCondition(own, "RestartRequired");
  return withCondition(
    kept === undefined ? conditions : [...conditions, kept],
    {
      type: "RestartRequired",
      status: "True",
      reason: "RestartRequired",
      message: "a non-live-updatable field was changed in the template spec",
    },
    now,
  );
}
