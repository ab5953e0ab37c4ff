import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterView } from "#lab/kubernetes/behaviours/behaviour.ts";
import {
  type Condition,
  conditionOf,
  type Finding,
  no,
  yes,
} from "#lab/kubernetes/behaviours/cluster-api/conditions.ts";
import { kindName, namespaceOf } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { statusOf } from "#lab/kubernetes/behaviours/cluster-api/relations.ts";
import { type DeploymentSpec, k0rdentKind, type TemplateStatus } from "./kinds.ts";

/** What must be true of the Cluster, in the order in which the summary names it. */
const summed = [
  "InfrastructureReady",
  "ControlPlaneInitialized",
  "ControlPlaneAvailable",
  "ControlPlaneMachinesReady",
  "WorkersAvailable",
  "WorkerMachinesReady",
  "RemoteConnectionProbe",
] as const;

/** For so long a cluster that is not whole counts as on its way, in ms of life; afterwards as failed. */
const patienceMs = 30 * 60_000;

export type Findings = Readonly<Record<string, Finding>>;

/** Whether what the deployment refers to can be used. */
export function referenceFindings(
  deployment: KubeObject,
  spec: DeploymentSpec,
  view: ClusterView,
): Findings {
  const namespace = namespaceOf(deployment);
  const template = view.get({
    kind: k0rdentKind("ClusterTemplate"),
    namespace,
    name: spec.template,
  });
  const status = template && statusOf<TemplateStatus>(template);
  const credential =
    spec.credential === undefined
      ? undefined
      : view.get({ kind: k0rdentKind("Credential"), namespace, name: spec.credential });
  const isReady =
    credential !== undefined && statusOf<{ ready: boolean }>(credential).ready === true;
  return {
    TemplateReady:
      status === undefined
        ? no("Failed", `ClusterTemplate ${namespace}/${spec.template} not found`)
        : status.valid === true
          ? yes("Succeeded", "Template is valid")
          : no("Failed", status.validationError ?? "Template is not valid"),
    HelmChartReady:
      status?.chartRef === undefined
        ? no("Failed", "Helm chart is not available")
        : yes("Succeeded", "Helm chart is valid"),
    CredentialReady: isReady
      ? yes("Succeeded", "Credential is Ready")
      : no("Failed", `Credential ${namespace}/${spec.credential ?? ""} is not Ready`),
  };
}

/** What Flux says of the release. */
export function releaseFinding(release: KubeObject | undefined): Finding {
  const said = release && conditionOf(release, "Ready");
  if (said === undefined) return { status: "Unknown", reason: "Progressing", message: "" };
  return { status: said.status, reason: said.reason, message: said.message };
}

/** The Cluster's own conditions in one, or that it is missing though it was installed. */
export function summaryFinding(
  deployment: KubeObject,
  wasInstalled: boolean,
  view: ClusterView,
): Finding {
  const { name } = deployment.metadata;
  const namespace = namespaceOf(deployment);
  const owner = view.get({ kind: kindName("Cluster"), namespace, name });
  if (owner === undefined) {
    return wasInstalled
      ? no("CAPIClusterMissing", `Cluster ${namespace}/${name} does not exist`)
      : { status: "Unknown", reason: "Progressing", message: "Cluster is not created yet" };
  }
  const issues = summed.flatMap((type) => {
    const condition = conditionOf(owner, type);
    if (condition?.status === "True") return [];
    const text =
      condition === undefined || condition.message === "" ? "" : `: ${condition.message}`;
    return [`${type}${text}`];
  });
  return issues.length === 0 ? yes("InfoReported") : no("IssuesReported", issues.join("\n"));
}

/** `Ready`, from all the others: what has failed, what is on its way, or that all is well. */
export function readyFinding(
  findings: Findings,
  since: Condition | undefined,
  now: number,
  speed: number,
): Finding {
  const issues: string[] = [];
  const seen = { failed: false, warned: false, unknown: false };
  for (const [type, { status, message = "" }] of Object.entries(findings)) {
    if (type === "Deleting") continue;
    const isBad = status === (type === "Paused" ? "True" : "False");
    if (!isBad && status !== "Unknown") continue;
    if (!isBad) seen.unknown = true;
    else if (type === "CAPIClusterSummary" && !hasLasted(since, now, speed)) seen.warned = true;
    else seen.failed = true;
    issues.push(message === "" ? type : message);
  }
  const message = issues.join(". ");
  if (seen.failed) return no("Failed", message);
  if (seen.warned) return no("Progressing", message);
  return seen.unknown
    ? { status: "Unknown", reason: "Progressing", message }
    : yes("Succeeded", "Object is ready");
}

function hasLasted(since: Condition | undefined, now: number, speed: number): boolean {
  return since?.status === "False" && untilFailed(since, now, speed) === null;
}

/** ms of life until a summary that is False counts as failed; null: it does not, or it does already. */
export function untilFailed(
  since: Condition | undefined,
  now: number,
  speed: number,
): number | null {
  if (since?.status !== "False") return null;
  const rest = patienceMs - (now - Date.parse(since.lastTransitionTime)) * speed;
  return rest > 0 ? rest : null;
}
