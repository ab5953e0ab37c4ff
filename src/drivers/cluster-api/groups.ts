import type { GroupState } from "#drivers/cluster-ports.ts";
import { type Condition, isTrue } from "#drivers/kubernetes/conditions.ts";
import { capiLabels, type CapiCluster, type Machine, type MachineDeployment } from "./kinds.ts";

/** Everything of one cluster that a look at it reads. */
export interface ClusterParts {
  readonly cluster: CapiCluster;
  readonly deployments: readonly MachineDeployment[];
  readonly machines: readonly Machine[];
}

type Versions = GroupState["versions"];

/** Where the operator does not count versions, its machines tell. */
const counted = (
  told: Versions | readonly { version: string; replicas: number }[],
  machines: readonly Machine[],
): Versions => {
  if (told.length > 0) {
    return told.map((each) => ({
      version: each.version,
      count: "replicas" in each ? each.replicas : each.count,
    }));
  }
  const counts = new Map<string, number>();
  for (const { version } of machines) {
    if (version !== null) counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].map(([version, count]) => ({ version, count }));
};

/** The control plane's machines, counted against the wish. */
export const controlPlaneOf = (
  { cluster, machines }: ClusterParts,
  desired: number | null,
): GroupState => {
  const told = cluster.controlPlane;
  return {
    desired: desired ?? told.desiredReplicas ?? 0,
    replicas: told.replicas ?? 0,
    available: told.availableReplicas ?? 0,
    upToDate: told.upToDateReplicas ?? 0,
    versions: counted(
      told.versions,
      machines.filter(({ metadata }) => capiLabels.controlPlane in metadata.labels),
    ),
  };
};

/** Machines of some MachineDeployments together, counted against the wish; without one, against the deployments' own. */
export const workersOf = (
  deployments: readonly MachineDeployment[],
  machines: readonly Machine[],
  desired: number | null,
): GroupState => {
  const names = new Set(deployments.map(({ metadata }) => metadata.name));
  const sum = (count: (deployment: MachineDeployment) => number | null | undefined): number =>
    deployments.reduce((total, deployment) => total + (count(deployment) ?? 0), 0);
  return {
    desired: desired ?? sum((deployment) => deployment.desired),
    replicas: sum(({ counts }) => counts.replicas),
    available: sum(({ counts }) => counts.availableReplicas),
    upToDate: sum(({ counts }) => counts.upToDateReplicas),
    versions: counted(
      deployments.length === 1 ? (deployments[0]?.counts.versions ?? []) : [],
      machines.filter(({ metadata }) => names.has(metadata.labels[capiLabels.deployment] ?? "")),
    ),
  };
};

/** True while an object of Cluster API says of itself that something is under way. */
export const isBusy = ({ conditions }: { readonly conditions: readonly Condition[] }): boolean =>
  ["RollingOut", "ScalingUp", "ScalingDown", "Remediating"].some((type) =>
    isTrue(conditions, type),
  );

/** No machine has another version; a group that does not tell, or has none, cannot contradict. */
export const runsOnly = (group: GroupState, isWanted: (version: string) => boolean): boolean =>
  group.versions.every(({ version }) => isWanted(version));
