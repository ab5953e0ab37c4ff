import type { SeenProblem } from "#drivers/cluster-ports.ts";
import { type ClusterState, type GroupState, isWhole } from "#drivers/cluster-ports.ts";
import {
  type ClusterParts,
  controlPlaneOf,
  isBusy,
  runsOnly,
  workersOf,
} from "#drivers/cluster-api/groups.ts";
import { isObserved, isPaused } from "#drivers/cluster-api/look.ts";
import {
  problemsOf as problemsOfCluster,
  summaryOf as summaryOfCluster,
} from "#drivers/cluster-api/problems.ts";
import {
  type Condition,
  conditionOf,
  isFalse,
  isTrue,
  problemOf,
  saying,
} from "#drivers/kubernetes/conditions.ts";
import type { ClusterDeployment } from "./kinds.ts";
import { wishedCounts } from "./values.ts";

/** The annotation that keeps the name of the only node pool: k0rdent itself has no names for them. */
export const nodePoolAnnotation = "millwright.dev/node-pool";

const withoutBuild = (version: string): string => version.replace(/\+.*$/, "");

/** k0s adds its own number to the version (`v1.34.2+k0s.0`), which template and machine may tell or leave out; told by both, it counts. */
const isSame = (one: string, other: string): boolean =>
  one === other ||
  (withoutBuild(one) === withoutBuild(other) && !(one.includes("+") && other.includes("+")));

/** The group with the version of its template in the template's words. */
const inWordsOf = (template: string, group: GroupState): GroupState => {
  const isWanted = ({ version }: GroupState["versions"][number]): boolean =>
    isSame(version, template);
  const count = group.versions.filter(isWanted).reduce((sum, each) => sum + each.count, 0);
  const others = group.versions.filter((each) => !isWanted(each));
  return { ...group, versions: [...others, ...(count > 0 ? [{ version: template, count }] : [])] };
};

/** Conditions that are False with this reason only because their turn has not come. */
const isProgress = ({ reason }: Condition): boolean =>
  reason === "Progressing" || reason === "ProgressingWithRetry" || reason.startsWith("Waiting");

/** `Ready` sums the others up; `Deleting` and `Paused` are bad when True. */
const sums = new Set(["Ready", "Deleting", "Paused", "CAPIClusterSummary", "ServicesInReadyState"]);

const problemsOf = ({ metadata, status }: ClusterDeployment): readonly SeenProblem[] => {
  const source = `ClusterDeployment/${metadata.name}`;
  const deleting = conditionOf(status.conditions, "Deleting");
  const failing = deleting?.status === "True" && deleting.reason === "Failed" ? [deleting] : [];
  const wrong = status.conditions.filter(
    (condition) =>
      !sums.has(condition.type) &&
      condition.status === "False" &&
      condition.message !== "" &&
      !isProgress(condition),
  );
  return [...failing, ...wrong].map((condition) => problemOf(source, condition));
};

const summaryOf = (
  { status }: ClusterDeployment,
  problems: readonly SeenProblem[],
  parts: ClusterParts | null,
): string => {
  const { conditions } = status;
  const deleting = conditionOf(conditions, "Deleting");
  if (deleting?.status === "True") return saying(deleting);
  const [first] = problems;
  if (first !== undefined) return `${first.reason}: ${first.message}`;
  const ready = conditionOf(conditions, "Ready");
  // Ready does not look at roll-outs: a cluster in the middle of an upgrade is ready.
  if (parts !== null && (ready?.status !== "True" || isBusy(parts.cluster))) {
    return summaryOfCluster(parts);
  }
  return ready === undefined ? "k0rdent has not looked at it yet" : saying(ready);
};

/**
 * A cluster as its ClusterDeployment and the Cluster of the same name below it show it. Only the latter counts machines, and it may not be
 * there (not yet, or it is in a region's own management cluster): then there are none to see.
 */
export const stateOf = (
  deployment: ClusterDeployment,
  parts: ClusterParts | null,
  kubernetesVersion: string,
): ClusterState => {
  const { metadata, spec, status } = deployment;
  const { conditions } = status;
  const wished = wishedCounts(spec.config);
  const poolName = metadata.annotations[nodePoolAnnotation];
  const none = { desired: 0, replicas: 0, available: 0, upToDate: 0, versions: [] };
  const controlPlane =
    parts === null
      ? { ...none, desired: wished.controlPlane ?? 0 }
      : inWordsOf(kubernetesVersion, controlPlaneOf(parts, wished.controlPlane));
  const workers =
    parts === null
      ? { ...none, desired: wished.workers ?? 0 }
      : inWordsOf(kubernetesVersion, workersOf(parts.deployments, parts.machines, wished.workers));
  const cluster = parts?.cluster ?? null;
  const deleting = metadata.deletionTimestamp !== undefined;
  const ready = conditionOf(conditions, "Ready");
  const generation = metadata.generation ?? 0;
  const observed =
    status.observedGeneration >= generation &&
    (ready?.observedGeneration ?? generation) >= generation &&
    (cluster === null || isObserved(cluster)) &&
    (parts?.deployments ?? []).every((each) => each.observed);
  const isWanted = (version: string): boolean =>
    kubernetesVersion === "" || version === kubernetesVersion;
  const groups = [controlPlane, workers];
  // Machines of a region's cluster are out of sight; k0rdent's own word is all there is.
  const whole =
    status.region !== "" ||
    (cluster !== null &&
      groups.every(isWhole) &&
      groups.every((group) => runsOnly(group, isWanted)) &&
      !isBusy(cluster));
  const applied = !isFalse(conditions, "HelmReleaseReady");
  const own = problemsOf(deployment);
  const problems = [...own, ...(parts === null ? [] : problemsOfCluster(parts))];
  const of = (type: string): boolean =>
    cluster === null ? isTrue(conditions, "CAPIClusterSummary") : isTrue(cluster.conditions, type);
  return {
    uid: metadata.uid,
    kubernetesVersion: kubernetesVersion === "" ? null : kubernetesVersion,
    observed,
    deleting,
    paused: isTrue(conditions, "Paused") || (cluster !== null && isPaused(cluster)),
    infrastructureReady: of("InfrastructureReady"),
    controlPlaneInitialized:
      cluster?.controlPlaneInitialized === true || of("ControlPlaneInitialized"),
    controlPlaneAvailable: of("ControlPlaneAvailable"),
    workersAvailable: of("WorkersAvailable"),
    reconciled: applied,
    changing: !deleting && !(whole && applied),
    settled: !deleting && observed && whole && applied && !spec.dryRun && ready?.status === "True",
    controlPlane,
    nodePools:
      poolName === undefined
        ? []
        : [{ name: poolName, ...workers, busy: (parts?.deployments ?? []).some(isBusy) }],
    endpoint: cluster?.endpoint ?? null,
    summary: summaryOf(deployment, own, parts),
    problems,
  };
};
