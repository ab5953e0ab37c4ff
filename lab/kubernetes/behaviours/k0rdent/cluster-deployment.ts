import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import {
  conditionOf,
  type Finding,
  found,
  no,
  yes,
} from "#lab/kubernetes/behaviours/cluster-api/conditions.ts";
import { hold } from "#lab/kubernetes/behaviours/cluster-api/finalizers.ts";
import { keyOf, kindName, namespaceOf } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { isDeleting, specOf, statusOf } from "#lab/kubernetes/behaviours/cluster-api/relations.ts";
import { admitDeployment, upgradesOf } from "./admission.ts";
import {
  type Findings,
  readyFinding,
  referenceFindings,
  releaseFinding,
  summaryFinding,
  untilFailed,
} from "./deployment-conditions.ts";
import { deploymentFinalizer, finishRemoval, removeDeployment } from "./deployment-deletion.ts";
import {
  type DeploymentSpec,
  deploymentsWhere,
  headOf,
  k0rdentKind,
  type TemplateStatus,
} from "./kinds.ts";

const pausedBy = "k0rdent.mirantis.com/region-pause";

/**
 * Plays kcm's ClusterDeployment controller: from a template, values and a credential it makes a HelmRelease of the same name,
 * which installs the Cluster of the same name; its conditions sum both up.
 */
export const clusterDeployments: Behaviour = {
  manager: "kcm-controller-manager",
  watches: [
    { kind: k0rdentKind("ClusterDeployment") },
    deploymentsWhere("ClusterTemplate", (spec, { metadata }) => spec.template === metadata.name),
    deploymentsWhere("ClusterTemplateChain", () => true),
    deploymentsWhere("Credential", (spec, { metadata }) => spec.credential === metadata.name),
    sameName(k0rdentKind("HelmRelease")),
    sameName(kindName("Cluster")),
  ],
  reconciles: [k0rdentKind("ClusterDeployment")],
  admit: admitDeployment,
  reconcile(deployment, cluster) {
    if (isDeleting(deployment)) {
      const { finding, againMs } = removeDeployment(deployment, cluster);
      const ready = no("Deleting", finding.message);
      write(deployment, { Deleting: finding, Ready: ready }, cluster);
      if (finding.reason === "DeletionCompleted") finishRemoval(deployment, cluster);
      return againMs;
    }
    hold(deployment, deploymentFinalizer, cluster);
    const isPaused = deployment.metadata.annotations?.[pausedBy] !== undefined;
    const paused = isPaused ? yes("Paused") : no("NotPaused");
    const idle = { Paused: paused, Deleting: no("NotDeleting") };
    const findings = isPaused ? {} : advance(deployment, cluster);
    return conclude(deployment, { ...idle, ...findings }, cluster);
  },
};

/** The ClusterDeployment of the same name and namespace. */
function sameName(kind: string): Behaviour["watches"][number] {
  return {
    kind,
    toKeys: ({ metadata }) => [
      {
        kind: k0rdentKind("ClusterDeployment"),
        namespace: metadata.namespace ?? "",
        name: metadata.name,
      },
    ],
  };
}

/** Makes or changes the release if everything that it needs is there, and looks at what came of it. */
function advance(deployment: KubeObject, cluster: ClusterClient): Findings {
  const spec = specOf<DeploymentSpec>(deployment);
  const references = referenceFindings(deployment, spec, cluster);
  const isSound = Object.values(references).every(({ status }) => status === "True");
  const key = { ...keyOf(deployment), kind: k0rdentKind("HelmRelease") };
  if (isSound && spec.dryRun !== true) install(deployment, spec, cluster);
  const release = cluster.get(key);
  // A dry run ends here: nothing was made that could be ready.
  if (release === undefined) return references;
  const installed = statusOf<{ observedGeneration: number }>(release).observedGeneration;
  return {
    ...references,
    HelmReleaseReady: releaseFinding(release),
    CAPIClusterSummary: summaryFinding(deployment, installed !== undefined, cluster),
    ServicesInReadyState: yes("Succeeded", "0/0"),
  };
}

function install(deployment: KubeObject, spec: DeploymentSpec, cluster: ClusterClient): void {
  const { name } = deployment.metadata;
  const namespace = namespaceOf(deployment);
  const template = cluster.get({
    kind: k0rdentKind("ClusterTemplate"),
    namespace,
    name: spec.template,
  });
  const chartRef = template && statusOf<TemplateStatus>(template).chartRef;
  const wanted = {
    chartRef,
    interval: "10m0s",
    releaseName: name,
    targetNamespace: namespace,
    values: spec.config ?? {},
  };
  const release = cluster.create({
    ...headOf("HelmRelease"),
    metadata: {
      name,
      namespace,
      labels: { "k0rdent.mirantis.com/managed": "true" },
      ownerReferences: [
        {
          ...headOf("ClusterDeployment"),
          name,
          uid: deployment.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: wanted,
  });
  cluster.update(keyOf(release), (newest) => ({ ...newest, spec: wanted }));
}

/** Writes the findings with `Ready` on top; says when a cluster that does not come up begins to count as failed. */
function conclude(
  deployment: KubeObject,
  findings: Findings,
  cluster: ClusterClient,
): number | null {
  const { CAPIClusterSummary: summary } = findings;
  const earlier = conditionOf(deployment, "CAPIClusterSummary");
  const isStillBad = earlier?.status === "False" && summary?.status === "False";
  const since = isStillBad ? earlier : undefined;
  const isDryRun = specOf<DeploymentSpec>(deployment).dryRun === true;
  const ready = readyFinding(findings, since, cluster.now(), cluster.speed);
  const isOnlyValid = ready.status === "True" && summary === undefined;
  const unmade: Finding = {
    status: "Unknown",
    reason: "Progressing",
    message: isDryRun ? "Dry run: the configuration is valid, nothing is created" : "",
  };
  write(deployment, { ...findings, Ready: isOnlyValid ? unmade : ready }, cluster);
  const newest = cluster.get(keyOf(deployment));
  const now = newest && conditionOf(newest, "CAPIClusterSummary");
  return untilFailed(now, cluster.now(), cluster.speed);
}

function write(
  deployment: KubeObject,
  findings: Readonly<Record<string, Finding>>,
  cluster: ClusterClient,
): void {
  const newest = cluster.get(keyOf(deployment));
  if (newest === undefined) return;
  const spec = specOf<DeploymentSpec>(newest);
  const namespace = namespaceOf(newest);
  const template = cluster.get({
    kind: k0rdentKind("ClusterTemplate"),
    namespace,
    name: spec.template,
  });
  const version = template && statusOf<TemplateStatus>(template).k8sVersion;
  cluster.updateStatus(keyOf(newest), {
    observedGeneration: newest.metadata.generation ?? 1,
    availableUpgrades: upgradesOf(spec.template, namespace, cluster),
    ...(version === undefined ? {} : { k8sVersion: version }),
    conditions: found(newest, cluster.now(), findings),
  });
}
