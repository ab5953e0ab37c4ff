import type { SeenProblem } from "#drivers/cluster-ports.ts";
import {
  type Condition,
  conditionOf,
  isTrue,
  problemOf,
  saying,
} from "#drivers/kubernetes/conditions.ts";
import type { ClusterParts } from "./groups.ts";

/** More would tell nothing new: a cluster's machines have the same trouble. */
const mostProblems = 20;

/**
 * Conditions of a Machine that say what is wrong with it; its Ready and Available only sum them up, and MachineDeployments and the Cluster sum
 * those up. Each is good when True.
 */
const machineConditions = [
  "InfrastructureReady",
  "BootstrapConfigReady",
  "NodeHealthy",
  "HealthCheckSucceeded",
  "OwnerRemediated",
];

/**
 * A part that has not had its turn is no trouble. Where an object sums up others, their reasons stand in its message, one to a line
 * (`* VMProvisioned: WaitingForBootstrapData`).
 */
const isWaiting = ({ reason, message }: Condition): boolean =>
  reason.startsWith("Waiting") ||
  message.split("\n").every((line) => /: Waiting[A-Z][A-Za-z]*$/.test(line.trim()));

const complains = (condition: Condition | undefined): condition is Condition =>
  condition !== undefined &&
  condition.status !== "True" &&
  condition.message !== "" &&
  !isWaiting(condition);

/** TopologyReconciled is False for progress too; these are errors (Cluster API v1.14). */
const topologyErrors = new Set(["ReconcileFailed", "ClusterClassNotReconciled"]);

/** What the cluster and its machines complain of now. */
export const problemsOf = ({ cluster, machines }: ClusterParts): readonly SeenProblem[] => {
  const { conditions } = cluster;
  const source = `Cluster/${cluster.metadata.name}`;
  const found: SeenProblem[] = [];
  const topology = conditionOf(conditions, "TopologyReconciled");
  if (topology !== undefined && topology.status !== "True" && topologyErrors.has(topology.reason)) {
    found.push(problemOf(source, topology));
  }
  const infrastructure = conditionOf(conditions, "InfrastructureReady");
  if (complains(infrastructure)) found.push(problemOf(source, infrastructure));
  const probe = conditionOf(conditions, "RemoteConnectionProbe");
  if (isTrue(conditions, "ControlPlaneInitialized") && complains(probe)) {
    found.push(problemOf(source, probe));
  }
  const remediating = conditionOf(conditions, "Remediating");
  if (remediating?.status === "True") found.push(problemOf(source, remediating));
  for (const { metadata, conditions: own } of machines) {
    if (metadata.deletionTimestamp !== undefined) continue;
    for (const type of machineConditions) {
      const condition = conditionOf(own, type);
      if (!complains(condition)) continue;
      const problem = problemOf(`Machine/${metadata.name}`, condition);
      found.push({ ...problem, usualSince: condition.lastTransitionTime ?? null });
    }
  }
  return found.slice(0, mostProblems);
};

/** Conditions that are True while a cluster is busy. */
const busy = ["Remediating", "RollingOut", "ScalingUp", "ScalingDown"];
/** Conditions that are not yet True while it comes to be, the most telling first. */
const awaited = [
  "InfrastructureReady",
  "ControlPlaneMachinesReady",
  "ControlPlaneInitialized",
  "ControlPlaneAvailable",
  "WorkersAvailable",
  "RemoteConnectionProbe",
  "Available",
];

/** One line in the operator's words. */
export const summaryOf = ({ cluster }: ClusterParts): string => {
  const { conditions, phase } = cluster;
  const conditionsOf = (types: readonly string[]): readonly Condition[] =>
    types.flatMap((type) => conditionOf(conditions, type) ?? []);
  const deleting = conditionOf(conditions, "Deleting");
  if (deleting?.status === "True") return saying(deleting);
  const paused = conditionOf(conditions, "Paused");
  if (paused?.status === "True") return saying(paused);
  const topology = conditionOf(conditions, "TopologyReconciled");
  if (
    topology !== undefined &&
    topology.status !== "True" &&
    topology.reason !== "ClusterCreating"
  ) {
    return saying(topology);
  }
  const working = conditionsOf(busy).find(({ status }) => status === "True");
  const missing = conditionsOf(awaited).find(({ status }) => status !== "True");
  // A cluster that comes to be is always scaling up; only what it waits for says how far it is.
  const telling = isTrue(conditions, "ControlPlaneInitialized")
    ? (working ?? missing)
    : (missing ?? working);
  return telling === undefined ? phase || "the operator has not looked at it yet" : saying(telling);
};
