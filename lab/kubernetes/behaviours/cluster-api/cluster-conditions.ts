import type { KubeObject } from "#lab/kubernetes/object.ts";
import { conditionOf, type Finding, isTrue, no, yes } from "./conditions.ts";
import { isProvisioned } from "./infrastructure.ts";
import { specOf } from "./relations.ts";
import { aggregated } from "./replicas.ts";

export interface ClusterParts {
  readonly owner: KubeObject;
  readonly infra: KubeObject | undefined;
  readonly plane: KubeObject | undefined;
  readonly deployments: readonly KubeObject[];
  readonly planeMachines: readonly KubeObject[];
  readonly workers: readonly KubeObject[];
  readonly initialization: { readonly controlPlaneInitialized?: boolean };
  /** What a deletion waits for; null: nobody has asked for one. */
  readonly deleting: Finding | null;
}

/** All v1beta2 conditions of a Cluster but TopologyReconciled (api/core/v1beta2/cluster_types.go of Cluster API). */
export function clusterFindings(parts: ClusterParts): Readonly<Record<string, Finding>> {
  const { owner, infra, plane, deployments, planeMachines, workers, deleting } = parts;
  const isInitialized = parts.initialization.controlPlaneInitialized === true;
  const scaled = [...(plane === undefined ? [] : [plane]), ...deployments];
  const findings = {
    InfrastructureReady: mirrored(infra, "Ready", "infrastructureRef", owner),
    ControlPlaneInitialized: isInitialized
      ? yes("Initialized")
      : no("NotInitialized", "Control plane not yet initialized"),
    ControlPlaneAvailable: mirrored(plane, "Available", "controlPlaneRef", owner),
    ControlPlaneMachinesReady: aggregated(planeMachines, "Ready", "NotReady"),
    ControlPlaneMachinesUpToDate: aggregated(planeMachines, "UpToDate", "NotUpToDate"),
    WorkersAvailable: workersAvailable(deployments),
    WorkerMachinesReady: aggregated(workers, "Ready", "NotReady"),
    WorkerMachinesUpToDate: aggregated(workers, "UpToDate", "NotUpToDate"),
    RemoteConnectionProbe: probed(isInitialized, planeMachines),
    RollingOut: anyOf(scaled, "RollingOut"),
    ScalingUp: anyOf(scaled, "ScalingUp"),
    ScalingDown: anyOf(scaled, "ScalingDown"),
    Remediating: no("NotRemediating"),
    Deleting: deleting ?? no("NotDeleting"),
    Paused: no("NotPaused"),
  };
  return { ...findings, Available: available(owner, findings) };
}

/** An API server answers as long as one of its nodes does. */
function probed(isInitialized: boolean, planeMachines: readonly KubeObject[]): Finding {
  if (!isInitialized || planeMachines.length === 0)
    return no("ProbeFailed", "Remote connection not established yet");
  return planeMachines.some((machine) => isTrue(machine, "NodeReady"))
    ? yes("ProbeSucceeded")
    : no("ProbeFailed", "Remote connection probe failed");
}

/** The topology counts against it only where it has failed: a cluster in the middle of an upgrade is available. */
function available(owner: KubeObject, findings: Readonly<Record<string, Finding>>): Finding {
  const topology = conditionOf(owner, "TopologyReconciled");
  const hasFailed =
    topology?.reason === "ReconcileFailed" || topology?.reason === "ClusterClassNotReconciled";
  const issues = [
    "InfrastructureReady",
    "ControlPlaneAvailable",
    "WorkersAvailable",
    "RemoteConnectionProbe",
  ].flatMap((type) => {
    const finding = findings[type];
    return finding === undefined || finding.status === "True"
      ? []
      : [`* ${type}: ${finding.message ?? ""}`];
  });
  if (findings["Deleting"]?.status === "True")
    issues.unshift("* Deleting: Cluster is being deleted");
  if (hasFailed) issues.push(`* TopologyReconciled: ${topology.message}`);
  return issues.length === 0 ? yes("Available") : no("NotAvailable", issues.join("\n"));
}

/** Repeats what the object behind a reference says of itself. */
function mirrored(
  object: KubeObject | undefined,
  type: string,
  field: string,
  owner: KubeObject,
): Finding {
  if (object === undefined) {
    const isSet = field in specOf<object>(owner);
    return isSet
      ? no("ObjectDoesNotExist", `the object of spec.${field} does not exist`)
      : no("ObjectDoesNotExist", `Waiting for cluster topology or a client to set spec.${field}`);
  }
  const said = conditionOf(object, type);
  if (said !== undefined) return said;
  return isProvisioned(object)
    ? yes(type)
    : no(`Not${type}`, `${object.kind} has not reported a status yet`);
}

function workersAvailable(deployments: readonly KubeObject[]): Finding {
  if (deployments.length === 0) return yes("NoWorkers");
  const issues = deployments.filter((deployment) => !isTrue(deployment, "Available"));
  if (issues.length === 0) return yes("Available");
  const lines = issues.map(
    (deployment) =>
      `* MachineDeployment ${deployment.metadata.name}: ${conditionOf(deployment, "Available")?.message ?? ""}`,
  );
  return no("NotAvailable", lines.join("\n"));
}

/** Conditions that say "busy": true as soon as one part is. */
function anyOf(parts: readonly KubeObject[], type: string): Finding {
  const busy = parts.filter((part) => isTrue(part, type));
  if (busy.length === 0) return no(`Not${type}`);
  const lines = busy.map(
    (part) =>
      `* ${part.kind} ${part.metadata.name}: ${conditionOf(part, type)?.message.replaceAll("\n", "\n  ") ?? ""}`,
  );
  return yes(type, lines.join("\n"));
}
