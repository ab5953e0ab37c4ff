import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { conditionOf, type Finding, no, yes } from "./conditions.ts";
import { kindName, namespaceOf } from "./kinds.ts";
import type { MachineSpec } from "./model.ts";
import { specOf } from "./relations.ts";
import { isIn, left, takes } from "./waiting.ts";

interface NodeFindings {
  readonly NodeReady: Finding;
  readonly NodeHealthy: Finding;
}

interface Host {
  readonly consumerRef?: { readonly kind?: string; readonly name?: string };
}

/** The lab's own mark on the one worker that a cluster called `…-worker-fails` has. */
export const failingNode = "lab.millwright.dev/node-fails";

/** A host's power is its machine's concern: Machine and Metal3Machine have the same name. */
export const machinesOnHosts: Behaviour["watches"][number] = {
  kind: kindName("BareMetalHost"),
  toKeys: (host) => {
    const { consumerRef } = specOf<Host>(host);
    if (consumerRef?.kind !== "Metal3Machine" || consumerRef.name === undefined) return [];
    return [{ kind: kindName("Machine"), namespace: namespaceOf(host), name: consumerRef.name }];
  },
};

/** What is said of a node that has not joined. */
export function missingNode(machine: KubeObject): NodeFindings {
  const { providerID, infrastructureRef } = specOf<MachineSpec>(machine);
  const finding: Finding = {
    status: "Unknown",
    reason: "InspectionFailed",
    message:
      providerID === undefined
        ? `Waiting for ${infrastructureRef.kind} to report spec.providerID`
        : `Waiting for a Node with spec.providerID ${providerID} to exist`,
  };
  return { NodeReady: finding, NodeHealthy: finding };
}

/** What is said of a node that has just joined. */
export function newNode(machine: KubeObject): NodeFindings {
  if (machine.metadata.annotations?.[failingNode] !== undefined) {
    const message = "* Node.Ready: container runtime network not ready: cni plugin not initialized";
    return { NodeReady: no("NodeNotReady", message), NodeHealthy: no("NodeNotHealthy", message) };
  }
  return { NodeReady: yes("NodeReady"), NodeHealthy: yes("NodeHealthy") };
}

/**
 * What is said of a node that has joined, and after how many ms of life that may be over (null: not by waiting). The kubelet
 * of a host without power is silent: that is noticed after a while, and is over when the host has started again.
 *
 * @param host undefined for a virtual machine, which has power for as long as it is there.
 */
export function joinedNode(
  machine: KubeObject,
  host: KubeObject | undefined,
  cluster: ClusterClient,
): { readonly findings: NodeFindings; readonly againInMs: number | null } {
  const { poweredOn } = (host?.["status"] ?? {}) as { readonly poweredOn?: boolean };
  if (poweredOn === false) {
    const rest = left("silent", takes.kubeletSilence, machine, cluster);
    return rest === 0
      ? { findings: silentNode, againInMs: null }
      : { findings: lastKnown(machine), againInMs: rest };
  }
  const wasOff = isIn("silent", machine, cluster) || isIn("start", machine, cluster);
  const rest = wasOff ? left("start", takes.hostStart, machine, cluster) : 0;
  return rest === 0
    ? { findings: newNode(machine), againInMs: null }
    : { findings: lastKnown(machine), againInMs: rest };
}

/** A node that starts says nothing new: it is as it was when it was last heard of, or still silent. */
function lastKnown(machine: KubeObject): NodeFindings {
  return conditionOf(machine, "NodeReady")?.status === "Unknown" ? silentNode : newNode(machine);
}

const silence = "Kubelet stopped posting node status.";

const silentNode: NodeFindings = {
  NodeReady: { status: "Unknown", reason: "NodeReadyUnknown", message: `* Node.Ready: ${silence}` },
  NodeHealthy: {
    status: "Unknown",
    reason: "NodeHealthyUnknown",
    message: `* Node.AllConditions: ${silence}`,
  },
};
