import type { KubeObject } from "#lab/kubernetes/object.ts";
import { findCondition, isTrue } from "./conditions.ts";
import { volumeStatus } from "./data-volume.ts";
import { isDeleting, isFinal, isMigrating } from "./objects.ts";
import type { InstanceStatus, VmStatus } from "./objects.ts";
import type { Instance } from "./run-strategy.ts";

/** What a machine's status is printed from. */
interface Seen {
  readonly vm: KubeObject;
  readonly status: VmStatus;
  readonly instance: Instance | null;
  /** The DataVolumes that its volumes name, as far as they are there. */
  readonly volumes: readonly KubeObject[];
  readonly isSetToStart: boolean;
}

type Question = (seen: Seen, instance: InstanceStatus | undefined) => boolean;

const because =
  (type: string, reason: string): Question =>
  (_seen, instance) => {
    const condition = findCondition(instance?.conditions, type);
    return condition?.status === "False" && condition.reason === reason;
  };

const isBroken = (volume: KubeObject): boolean => {
  const { phase, conditions } = volumeStatus(volume);
  const running = conditions?.find(({ type }) => type === "Running");
  const isFailing =
    running?.status === "False" && ["Error", "ImagePullFailed"].includes(running.reason);
  return phase === "Failed" || isFailing;
};

const isWaiting = (volume: KubeObject): boolean =>
  volumeStatus(volume).phase === "WaitForFirstConsumer";

/** In virt-controller's order: the first that holds is printed. */
const questions: readonly (readonly [printed: string, holds: Question])[] = [
  ["Terminating", ({ vm }) => isDeleting(vm)],
  [
    "Stopping",
    ({ instance }) => instance !== null && !isFinal(instance.status) && isDeleting(instance.object),
  ],
  ["Migrating", (_seen, instance) => instance?.phase === "Running" && isMigrating(instance)],
  ["Paused", (_seen, instance) => isTrue(instance?.conditions, "Paused")],
  ["Running", (_seen, instance) => instance?.phase === "Running"],
  ["ErrorPvcNotFound", because("Synchronized", "FailedPvcNotFound")],
  ["DataVolumeError", ({ volumes }) => volumes.some(isBroken)],
  ["ErrorUnschedulable", because("PodScheduled", "Unschedulable")],
  [
    "Provisioning",
    ({ volumes }) =>
      volumes.some((volume) => volumeStatus(volume).phase !== "Succeeded" && !isWaiting(volume)),
  ],
  ["WaitingForVolumeBinding", ({ volumes }) => volumes.some(isWaiting)],
  ["ErrImagePull", because("Synchronized", "ErrImagePull")],
  ["ImagePullBackOff", because("Synchronized", "ImagePullBackOff")],
  [
    "Starting",
    (_seen, instance) =>
      instance?.phase === undefined
        ? instance !== undefined
        : ["Pending", "Scheduling", "Scheduled"].includes(instance.phase),
  ],
  [
    "CrashLoopBackOff",
    ({ status, isSetToStart }) => isSetToStart && status.startFailure !== undefined,
  ],
  ["Stopped", (_seen, instance) => instance === undefined || isFinal(instance)],
  ["WaitingForReceiver", (_seen, instance) => instance?.phase === "WaitingForSync"],
];

export function printableStatus(seen: Seen): string {
  const instance = seen.instance?.status;
  return questions.find(([, holds]) => holds(seen, instance))?.[0] ?? "Unknown";
}
