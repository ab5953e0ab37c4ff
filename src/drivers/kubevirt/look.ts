import type { Problem } from "#contract/cluster.ts";
import {
  type Condition,
  conditionOf,
  isTrue,
  oneLine,
  problemOf,
  saying,
} from "#drivers/kubernetes/conditions.ts";
import type { VmRef, VmState } from "#drivers/vm-ports.ts";
import type { DataVolume, Instance, VirtualMachine } from "./kinds.ts";
import { diskName } from "./manifest.ts";

/** A virtual machine and what KubeVirt and CDI have made of it. */
export interface VmParts {
  readonly vm: VirtualMachine;
  readonly instance: Instance | null;
  readonly volumes: readonly DataVolume[];
}

const controllerFinalizer = "kubevirt.io/virtualMachineControllerFinalize";

/**
 * Whether virt-controller has looked at it. The schema writes `Stopped` as soon as any status is written, so the printed status alone
 * does not tell; the controller's finalizer and its conditions do.
 */
const wasLookedAt = ({ metadata, status }: VirtualMachine): boolean =>
  metadata.finalizers.includes(controllerFinalizer) || (status?.conditions.length ?? 0) > 0;

/** Wishes under which KubeVirt starts a machine again that has no instance (`spec.runStrategy`). */
const startsAgain = new Set(["Always", "RerunOnFailure"]);

/**
 * An instance at its end is still there until KubeVirt takes it away. What is there and is not what is wished for will not stay: a machine that
 * crashes has no instance between two starts, and one that was just halted still runs.
 */
const powerOf = ({ vm, instance }: VmParts): VmState["power"] => {
  const wish = vm.spec.runStrategy ?? "";
  if (instance === null) {
    const isOff = wasLookedAt(vm) && vm.status?.created !== true && !startsAgain.has(wish);
    return isOff ? "stopped" : null;
  }
  if (wish === "Halted") return null;
  if (instance.status.phase !== "Running" || instance.metadata.deletionTimestamp !== undefined) {
    return null;
  }
  return isTrue(instance.status.conditions, "Paused") ? "paused" : "running";
};

/** Printed statuses that complain. */
const troubled = new Set([
  "ErrorUnschedulable",
  "ErrorPvcNotFound",
  "DataVolumeError",
  "ErrImagePull",
  "ImagePullBackOff",
  "CrashLoopBackOff",
]);

/** Conditions of an instance that explain what is printed, in this order. */
const explaining = ["PodScheduled", "Synchronized", "Ready"];

const explanationOf = ({ vm, instance }: VmParts): string => {
  const conditions = [
    ...explaining.map((type) => conditionOf(instance?.status.conditions ?? [], type)),
    conditionOf(vm.status?.conditions ?? [], "Failure"),
    conditionOf(vm.status?.conditions ?? [], "Ready"),
  ];
  const said = conditions.find(
    (condition) =>
      condition !== undefined &&
      condition.message !== "" &&
      // That there is no instance is what is to be explained.
      condition.reason !== "VMINotExists" &&
      (condition.type === "Failure" ? condition.status === "True" : condition.status === "False"),
  );
  return oneLine(said?.message ?? "");
};

/** An import that fails is tried again; its `Running` condition says why it is not running. */
const failingImport = ({ status }: DataVolume): Condition | undefined => {
  const running = conditionOf(status.conditions, "Running");
  if (status.phase === "Succeeded" || running?.status !== "False") return undefined;
  return running.reason === "Error" ||
    running.reason === "ImagePullFailed" ||
    status.phase === "Failed"
    ? running
    : undefined;
};

const problemsOf = (parts: VmParts): readonly Problem[] => {
  const { vm, volumes } = parts;
  const source = `VirtualMachine/${vm.metadata.name}`;
  const printed = vm.status?.printableStatus ?? "";
  const failure = conditionOf(vm.status?.conditions ?? [], "Failure");
  // The disks first: a machine without one says no more than that it cannot start.
  return [
    ...volumes.flatMap((volume) => {
      const failing = failingImport(volume);
      return failing === undefined
        ? []
        : [problemOf(`DataVolume/${volume.metadata.name}`, failing)];
    }),
    ...(troubled.has(printed)
      ? [{ source, reason: printed, message: explanationOf(parts) }]
      : failure?.status === "True"
        ? [problemOf(source, failure)]
        : []),
  ];
};

const isDone = ({ status }: DataVolume): boolean => status.phase === "Succeeded";

const summaryOf = (parts: VmParts, problems: readonly Problem[]): string => {
  const { vm, volumes } = parts;
  const printed = vm.status?.printableStatus ?? "";
  if (!wasLookedAt(vm)) return "KubeVirt has not looked at it yet";
  const [first] = problems;
  if (first !== undefined) {
    const words = first.message || first.reason;
    return words === printed ? printed : oneLine(`${printed}: ${words}`);
  }
  const filling = volumes.filter((volume) => !isDone(volume) && volume.status.phase !== "");
  if (filling.length > 0) {
    const words = filling.map(
      ({ metadata, status }) =>
        `${metadata.name} ${status.phase}${status.progress === undefined ? "" : ` ${status.progress}`}`,
    );
    return oneLine(`${printed}: ${words.join(", ")}`);
  }
  const restart = conditionOf(vm.status?.conditions ?? [], "RestartRequired");
  return restart?.status === "True" ? oneLine(`${printed}; ${saying(restart)}`) : printed;
};

/** A virtual machine as its objects show it. */
export const stateOf = (ref: VmRef, parts: VmParts): VmState => {
  const { vm, instance, volumes } = parts;
  const problems = problemsOf(parts);
  return {
    uid: vm.metadata.uid,
    deleting: vm.metadata.deletionTimestamp !== undefined,
    printableStatus: vm.status?.printableStatus ?? "",
    runStrategy: vm.spec.runStrategy ?? null,
    instance:
      instance === null ? null : { uid: instance.metadata.uid, phase: instance.status.phase },
    power: powerOf(parts),
    ready: vm.status?.ready ?? false,
    node: instance?.status.nodeName ?? null,
    addresses: (instance?.status.interfaces ?? []).flatMap(
      ({ ipAddress, ipAddresses }) => ipAddresses ?? (ipAddress === undefined ? [] : [ipAddress]),
    ),
    disks: volumes.map(({ metadata, status }) => ({
      name: diskName(ref, metadata.name),
      phase: status.phase,
      progress: status.progress ?? null,
    })),
    summary: summaryOf(parts, problems),
    problems,
  };
};
