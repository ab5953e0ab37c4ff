import type { KubeObject } from "#lab/kubernetes/object.ts";
import { isFinal } from "./objects.ts";
import type { InstanceStatus, RunStrategy, StateChangeRequest, VmStatus } from "./objects.ts";

/** The instance of a virtual machine as its strategy looks at it. */
export interface Instance {
  readonly object: KubeObject;
  readonly status: InstanceStatus;
}

/** What the strategy asks for now. `resume`: a halted machine that shall start paused becomes one that always runs. */
export type Plan = "start" | "stop" | "stop-and-start" | "resume" | "nothing";

/**
 * virt-controller's syncRunStrategy. A stop request counts for the instance with its uid, a start request when there is none;
 * RerunOnFailure starts by itself only when it is new to the machine.
 */
export function plan(strategy: RunStrategy, status: VmStatus, instance: Instance | null): Plan {
  const starts = hasStartRequest(status);
  if (instance === null) {
    switch (strategy) {
      case "Always":
      case "Once":
      case "WaitAsReceiver":
        return "start";
      case "RerunOnFailure":
        return starts || status.runStrategy !== strategy ? "start" : "nothing";
      case "Manual":
        return starts ? "start" : "nothing";
      case "Halted":
        return starts ? "resume" : "nothing";
    }
  }
  const isAskedToStop = hasStopRequest(status, instance);
  switch (strategy) {
    case "Always":
      return isAskedToStop || isFinal(instance.status) ? "stop" : "nothing";
    case "RerunOnFailure":
      if (instance.object.metadata.deletionTimestamp !== undefined) return "nothing";
      if (instance.status.phase === "Failed") return "stop-and-start";
      return isAskedToStop || instance.status.phase === "Succeeded" ? "stop" : "nothing";
    case "Manual":
      return isAskedToStop ? "stop" : "nothing";
    case "Halted":
      return "stop";
    case "Once":
    case "WaitAsReceiver":
      return "nothing";
  }
}

/** True when a machine that does not run is meant to: its failures are a crash loop then, otherwise it has stopped. */
export function isSetToStart(
  strategy: RunStrategy,
  status: VmStatus,
  instance: Instance | null,
): boolean {
  if (strategy === "Once") return instance === null;
  if (strategy === "RerunOnFailure") return instance?.status.phase !== "Succeeded";
  return ["start", "resume"].includes(plan(strategy, status, null));
}

export function hasStartRequest({ stateChangeRequests = [] }: VmStatus): boolean {
  return stateChangeRequests[0]?.action === "Start";
}

function hasStopRequest({ stateChangeRequests = [] }: VmStatus, { object }: Instance): boolean {
  const [request] = stateChangeRequests;
  return request?.action === "Stop" && request.uid === object.metadata.uid;
}

/** The requests that are still to be met. */
export function openRequests(
  requests: readonly StateChangeRequest[],
  instance: Instance | null,
): readonly StateChangeRequest[] {
  const [request, ...rest] = requests;
  if (request === undefined) return [];
  const isMet =
    request.action === "Stop"
      ? instance?.object.metadata.uid !== request.uid
      : instance !== null && instance.object.metadata.deletionTimestamp === undefined;
  return isMet ? openRequests(rest, instance) : requests;
}
