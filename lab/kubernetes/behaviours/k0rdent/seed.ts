import type { NewObject } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Chart, charts } from "./charts.ts";
import { headOf } from "./kinds.ts";

/** The credential that the lab's deployments use. */
export const labCredential = "lab-credential";

/**
 * What a lab offers for making clusters with k0rdent: a template for each version of each chart, named after both as k0rdent
 * names its own, one chain for each chart that leads from every version to the next, and a credential.
 */
export function seedTemplates(namespace: string): readonly NewObject[] {
  const names = [...new Set(charts.map(({ name }) => name))];
  return [
    ...charts.map((chart) => templateOf(chart, namespace)),
    ...names.map((name) => chainOf(name, namespace)),
    {
      ...headOf("Secret"),
      metadata: { name: "lab-cluster-identity", namespace },
      type: "Opaque",
      data: {},
    },
    {
      ...headOf("Credential"),
      metadata: { name: labCredential, namespace },
      spec: {
        description: "The lab asks for no credentials of its own",
        identityRef: { apiVersion: "v1", kind: "Secret", name: "lab-cluster-identity", namespace },
      },
    },
  ];
}

function templateOf(chart: Chart, namespace: string): NewObject {
  return {
    ...headOf("ClusterTemplate"),
    metadata: { name: nameOf(chart), namespace },
    spec: {
      helm: {
        chartSpec: {
          chart: chart.name,
          version: chart.version,
          interval: "10m0s",
          reconcileStrategy: "ChartVersion",
          sourceRef: { kind: "HelmRepository", name: "lab-templates" },
        },
      },
      k8sVersion: chart.kubernetesVersion,
      providers: ["infrastructure-dev", "control-plane-kubeadm", "bootstrap-kubeadm"],
    },
  };
}

function chainOf(name: string, namespace: string): NewObject {
  const versions = charts.filter((chart) => chart.name === name);
  return {
    ...headOf("ClusterTemplateChain"),
    metadata: { name: `${name}-chain`, namespace },
    spec: {
      supportedTemplates: versions.map((chart, index) => {
        const next = versions[index + 1];
        return {
          name: nameOf(chart),
          ...(next === undefined ? {} : { availableUpgrades: [{ name: nameOf(next) }] }),
        };
      }),
    },
  };
}

function nameOf({ name, version }: Chart): string {
  return `${name}-${version.replaceAll(".", "-")}`;
}
