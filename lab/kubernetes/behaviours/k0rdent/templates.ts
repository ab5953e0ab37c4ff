import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { found, no, yes } from "#lab/kubernetes/behaviours/cluster-api/conditions.ts";
import { keyOf, namespaceOf, ownedBy } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { specOf } from "#lab/kubernetes/behaviours/cluster-api/relations.ts";
import { findChart } from "./charts.ts";
import { type ChainSpec, headOf, k0rdentKind } from "./kinds.ts";

interface TemplateSpec {
  readonly helm: { readonly chartSpec?: { readonly chart: string; readonly version?: string } };
  readonly k8sVersion?: string;
  readonly providers?: readonly string[];
}

interface CredentialSpec {
  readonly identityRef: {
    readonly kind?: string;
    readonly name?: string;
    readonly namespace?: string;
  };
}

/** Plays the kcm controllers that judge what a ClusterDeployment refers to: templates, chains of templates, credentials. */
export const templateOperators: Behaviour = {
  manager: "kcm-templates",
  watches: [
    { kind: k0rdentKind("ClusterTemplate") },
    { kind: k0rdentKind("ClusterTemplateChain") },
    { kind: k0rdentKind("Credential") },
    {
      kind: k0rdentKind("ClusterTemplate"),
      toKeys: (template, view) =>
        view
          .list(k0rdentKind("ClusterTemplateChain"), { namespace: namespaceOf(template) })
          .map(keyOf),
    },
    {
      kind: k0rdentKind("Secret"),
      toKeys: (secret, view) =>
        view
          .list(k0rdentKind("Credential"))
          .filter((it) => specOf<CredentialSpec>(it).identityRef.name === secret.metadata.name)
          .map(keyOf),
    },
  ],
  reconciles: [
    k0rdentKind("ClusterTemplate"),
    k0rdentKind("ClusterTemplateChain"),
    k0rdentKind("Credential"),
  ],
  reconcile(object, cluster) {
    if (object.kind === "ClusterTemplate") judgeTemplate(object, cluster);
    else if (object.kind === "ClusterTemplateChain") judgeChain(object, cluster);
    else judgeCredential(object, cluster);
    return null;
  },
};

function judgeTemplate(template: KubeObject, cluster: ClusterClient): void {
  const spec = specOf<TemplateSpec>(template);
  const observedGeneration = template.metadata.generation ?? 1;
  const { chart: name = "", version = "" } = spec.helm.chartSpec ?? {};
  const chart = findChart(name, version);
  if (chart === undefined) {
    const validationError = `failed to get helm chart ${name}: no chart of version ${version} found`;
    cluster.updateStatus(keyOf(template), { observedGeneration, valid: false, validationError });
    return;
  }
  const namespace = namespaceOf(template);
  const schemaConfigMapName = `${template.metadata.name}-schema`;
  const ownerReferences = [ownedBy(template)];
  cluster.create({
    ...headOf("ConfigMap"),
    metadata: { name: schemaConfigMapName, namespace, ownerReferences },
    data: { schema: JSON.stringify(chart.schema) },
  });
  cluster.create({
    ...headOf("HelmChart"),
    metadata: { name: template.metadata.name, namespace, ownerReferences },
    spec: { interval: "10m0s", reconcileStrategy: "ChartVersion", ...spec.helm.chartSpec },
  });
  const chartRef = { kind: "HelmChart", name: template.metadata.name, namespace };
  cluster.updateStatus(keyOf(template), {
    observedGeneration,
    valid: true,
    description: chart.description,
    chartRef,
    chartVersion: chart.version,
    config: chart.defaults,
    schemaConfigMapName,
    k8sVersion: spec.k8sVersion ?? chart.kubernetesVersion,
    providers: spec.providers ?? [],
  });
}

function judgeChain(chain: KubeObject, cluster: ClusterClient): void {
  const namespace = namespaceOf(chain);
  const entries = specOf<ChainSpec>(chain).supportedTemplates ?? [];
  const names = entries.flatMap(({ name, availableUpgrades = [] }) => [
    name,
    ...availableUpgrades.map((upgrade) => upgrade.name),
  ]);
  const isThere = (name: string): boolean =>
    cluster.get({ kind: k0rdentKind("ClusterTemplate"), namespace, name }) !== undefined;
  const missing = names.filter((name) => !isThere(name));
  const validationError = `ClusterTemplates ${missing.join(", ")} are not found`;
  cluster.updateStatus(
    keyOf(chain),
    missing.length === 0 ? { valid: true } : { valid: false, validationError },
  );
}

function judgeCredential(credential: KubeObject, cluster: ClusterClient): void {
  const { identityRef } = specOf<CredentialSpec>(credential);
  const { name = "", namespace = namespaceOf(credential), kind = "Secret" } = identityRef;
  const isThere =
    kind !== "Secret" ||
    cluster.get({ kind: k0rdentKind("Secret"), namespace, name }) !== undefined;
  cluster.updateStatus(keyOf(credential), {
    ready: isThere,
    conditions: found(credential, cluster.now(), {
      CredentialReady: isThere
        ? yes("Succeeded", "Credential is ready")
        : no(
            "Failed",
            `Failed to get ClusterIdentity object of Kind=${kind} ${namespace}/${name}: not found`,
          ),
    }),
  });
}
