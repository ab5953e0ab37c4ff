import { minute } from "#lab/kubernetes/behaviours/life.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import {
  hardwareDetailsAnnotation,
  hasPlainReboot,
  inspectAnnotation,
  isInspectionAsked,
  reboot,
  removeAnnotation,
  removePlainReboot,
} from "./annotations.ts";
import { hardwareKind, hostFinalizer, isInspectionDisabled, keyOf } from "./host.ts";
import type { HardwareDetails } from "./machines.ts";
import { clearError, effectKey, failed, finish, isBegun, remaining, stay, tell } from "./turn.ts";
import type { Turn, Verdict } from "./turn.ts";

const hardwareFinalizer = `${hostFinalizer}/hardwareData`;
const work = "inspect";
const inspectionMs = 4 * minute;

/** Ironic's `[conductor] inspect_wait_timeout`: an inspection that nobody reports from ends after half an hour. */
const timeoutMs = 30 * minute;

/** Boots the machine into the inspection ramdisk and waits for what that reports. */
export function inspect(turn: Turn): Verdict {
  const { host, status, machine, faults } = turn;
  if (isInspectionDisabled(host)) {
    tell(turn, "InspectionSkipped", "disabled by user");
    return finish("preparing");
  }
  if (reboot(host)?.isForced === true && hasPlainReboot(host)) {
    removePlainReboot(turn);
    delete turn.memory.work;
  }
  if (!isBegun(turn, work)) {
    machine.setPower("on", "hard", effectKey(turn, "inspect"));
    if (isInspectionAsked(host)) removeAnnotation(turn, inspectAnnotation);
    tell(turn, "InspectionStarted", "Hardware inspection started");
  }
  if (status.errorType !== undefined) clearError(turn);
  const ms = remaining(turn, work, faults.inspectHangs ? timeoutMs : inspectionMs);
  if (ms > 0) return stay(ms);
  if (faults.inspectHangs) {
    return failed("inspection error", "timeout reached while inspecting the node");
  }
  clearError(turn);
  status.hardware = machine.hardware();
  storeHardware(turn, status.hardware);
  tell(turn, "InspectionComplete", "Hardware inspection completed");
  return finish("preparing");
}

/** Writes HardwareData anew, and the architecture into the spec when that has none. */
function storeHardware({ host, cluster }: Turn, hardware: HardwareDetails): void {
  const { name, namespace, uid } = host.metadata;
  const { apiVersion, kind } = host;
  releaseHardware(host, cluster);
  cluster.delete(hardwareKey(host));
  if (host.metadata.deletionTimestamp !== undefined) return;
  const owner = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
  cluster.create({
    apiVersion,
    kind: "HardwareData",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      finalizers: [hardwareFinalizer],
      ownerReferences: [owner],
    },
    spec: { hardware },
  });
  cluster.update(keyOf(host), (newest) => {
    const spec = newest["spec"] as { readonly architecture?: string };
    return { ...newest, spec: { ...spec, architecture: spec.architecture ?? hardware.cpu.arch } };
  });
}

/** Lets HardwareData go with its host. */
export function releaseHardware(host: KubeObject, cluster: ClusterClient): void {
  cluster.update(hardwareKey(host), (data) => {
    const finalizers = (data.metadata.finalizers ?? []).filter(
      (finalizer) => finalizer !== hardwareFinalizer,
    );
    return { ...data, metadata: { ...data.metadata, finalizers } };
  });
}

function hardwareKey(host: KubeObject): ObjectKey {
  return { ...keyOf(host), kind: hardwareKind };
}

/** Takes hardware details that a client gives by annotation, which it may while inspection is disabled. */
export function takeGivenHardware(turn: Turn): void {
  const { host, status } = turn;
  const given = host.metadata.annotations?.[hardwareDetailsAnnotation];
  if (given === undefined) return;
  if (given !== "" && (status.hardware === undefined || isInspectionDisabled(host))) {
    // The webhook has parsed it before.
    status.hardware = JSON.parse(given) as HardwareDetails;
    tell(turn, "UpdateHardwareDetails", "Set HardwareDetails from hardware data or annotation");
  }
  removeAnnotation(turn, hardwareDetailsAnnotation);
}
