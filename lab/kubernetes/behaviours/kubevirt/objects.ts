import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject, KindName, ObjectKey, OwnerReference } from "#lab/kubernetes/object.ts";
import type { Condition } from "./conditions.ts";

export const vmKind: KindName = "VirtualMachine.kubevirt.io";
export const instanceKind: KindName = "VirtualMachineInstance.kubevirt.io";
export const migrationKind: KindName = "VirtualMachineInstanceMigration.kubevirt.io";
export const volumeKind: KindName = "DataVolume.cdi.kubevirt.io";
export const claimKind: KindName = "PersistentVolumeClaim";

/** The parts of the specs that the operators read. The API server has checked them against the CRDs. */
export interface VmSpec {
  readonly running?: boolean;
  readonly runStrategy?: RunStrategy;
  readonly dataVolumeTemplates?: readonly VolumeTemplate[];
  readonly template: {
    readonly metadata?: {
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly spec: InstanceSpec;
  };
}

export const runStrategies = [
  "Always",
  "Halted",
  "Manual",
  "RerunOnFailure",
  "Once",
  "WaitAsReceiver",
] as const;

export type RunStrategy = (typeof runStrategies)[number];

interface VolumeTemplate {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: object;
}

export interface InstanceSpec {
  readonly architecture?: string;
  readonly domain: {
    readonly machine?: { readonly type?: string };
    readonly features?: { readonly acpi?: { readonly enabled?: boolean } };
    readonly devices: {
      readonly disks?: readonly { readonly name: string }[];
      readonly filesystems?: readonly { readonly name: string }[];
      readonly interfaces?: readonly { readonly name: string; readonly macAddress?: string }[];
    };
  };
  readonly networks?: readonly { readonly name: string }[];
  readonly volumes?: readonly Volume[];
  readonly livenessProbe?: object;
  readonly startStrategy?: string;
  readonly terminationGracePeriodSeconds?: number;
}

export interface Volume {
  readonly name: string;
  readonly containerDisk?: { readonly image: string };
  readonly dataVolume?: { readonly name: string };
  readonly persistentVolumeClaim?: { readonly claimName: string };
}

export interface StateChangeRequest {
  readonly action: "Start" | "Stop";
  readonly uid?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export interface VmStatus {
  conditions?: readonly Condition[];
  created?: boolean;
  desiredGeneration?: number;
  observedGeneration?: number;
  printableStatus?: string;
  ready?: boolean;
  runStrategy?: RunStrategy;
  startFailure?: {
    readonly consecutiveFailCount: number;
    readonly lastFailedVMIUID: string;
    readonly retryAfterTimestamp: string;
  };
  stateChangeRequests?: readonly StateChangeRequest[];
}

export type Phase =
  | "Pending"
  | "Scheduling"
  | "Scheduled"
  | "Running"
  | "Succeeded"
  | "Failed"
  | "WaitingForSync";

export interface InstanceStatus {
  activePods?: Readonly<Record<string, string>>;
  conditions?: readonly Condition[];
  fsFreezeStatus?: string;
  guestOSInfo?: object;
  interfaces?: readonly object[];
  machine?: { readonly type: string };
  migrationMethod?: string;
  migrationState?: MigrationState;
  migrationTransport?: string;
  nodeName?: string;
  phase?: Phase;
  phaseTransitionTimestamps?: readonly {
    readonly phase: Phase;
    readonly phaseTransitionTimestamp: string;
  }[];
  qosClass?: string;
  runtimeUser?: number;
  volumeStatus?: readonly { readonly name: string; readonly target: string }[];
}

export interface MigrationState {
  readonly migrationUid: string;
  readonly sourceNode: string;
  readonly targetNode: string;
  readonly startTimestamp: string;
  readonly endTimestamp?: string;
  readonly completed?: boolean;
  readonly failed?: boolean;
  readonly abortRequested?: boolean;
  readonly abortStatus?: string;
  readonly failureReason?: string;
}

export function vmSpec(vm: KubeObject): VmSpec {
  return vm["spec"] as VmSpec;
}

export function vmStatus(vm: KubeObject): VmStatus {
  return structuredClone((vm["status"] ?? {}) as VmStatus);
}

export function instanceSpec(instance: KubeObject): InstanceSpec {
  return instance["spec"] as InstanceSpec;
}

export function instanceStatus(instance: KubeObject): InstanceStatus {
  return structuredClone((instance["status"] ?? {}) as InstanceStatus);
}

/** What it shall do; `running` is the old way to say Always or Halted. */
export function strategyOf(vm: KubeObject): RunStrategy {
  const { runStrategy, running } = vmSpec(vm);
  return runStrategy ?? (running === true ? "Always" : "Halted");
}

export function isFinal(status: InstanceStatus): boolean {
  return status.phase === "Succeeded" || status.phase === "Failed";
}

export function isMigrating({ migrationState }: InstanceStatus): boolean {
  return (
    migrationState !== undefined &&
    migrationState.completed !== true &&
    migrationState.failed !== true
  );
}

/** The key of another kind's object with the same namespace and name. */
export function sameName(object: KubeObject, kind: KindName): ObjectKey {
  return { kind, namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** The object with this finalizer on it; undefined when it is gone meanwhile. */
export function held(
  object: KubeObject,
  kind: KindName,
  finalizer: string,
  cluster: ClusterClient,
): KubeObject | undefined {
  const { finalizers = [] } = object.metadata;
  if (finalizers.includes(finalizer)) return object;
  return cluster.update(sameName(object, kind), (newest) => ({
    ...newest,
    metadata: { ...newest.metadata, finalizers: [...finalizers, finalizer] },
  }));
}

export function withoutFinalizer(object: KubeObject, finalizer: string): KubeObject {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  return { ...object, metadata: { ...object.metadata, finalizers } };
}

export function controllerReference(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
