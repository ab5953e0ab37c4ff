import type { KubeObject } from "#lab/kubernetes/object.ts";
import { mergePatch } from "#lab/kubernetes/apply/json-patch.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Finding, found, no, yes } from "#lab/kubernetes/behaviours/cluster-api/conditions.ts";
import { hold, release as letGo } from "#lab/kubernetes/behaviours/cluster-api/finalizers.ts";
import { keyOf, kindOf, namespaceOf } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { isDeleting, specOf, statusOf } from "#lab/kubernetes/behaviours/cluster-api/relations.ts";
import { left } from "#lab/kubernetes/behaviours/cluster-api/waiting.ts";
import { type Chart, findChart } from "./charts.ts";
import { k0rdentKind, type Values } from "./kinds.ts";

const finalizer = "finalizers.fluxcd.io";
const installMs = 10_000;
const uninstallMs = 5000;

interface ReleaseSpec {
  readonly chartRef: { readonly name: string };
  readonly values?: Values;
}

/**
 * Plays Flux's helm-controller with the lab's charts: it installs once for each change of its spec, and puts back nothing that
 * somebody changes or deletes in between (Flux's default: no drift detection).
 */
export const helmReleases: Behaviour = {
  manager: "helm-controller",
  watches: [{ kind: k0rdentKind("HelmRelease") }],
  reconciles: [k0rdentKind("HelmRelease")],
  reconcile(release, cluster) {
    const chart = chartOf(release, cluster);
    if (isDeleting(release)) return uninstall(release, chart, cluster);
    hold(release, finalizer, cluster);
    const generation = release.metadata.generation ?? 1;
    const status = statusOf<{ observedGeneration: number }>(release);
    if (status.observedGeneration === generation) return null;
    if (chart === undefined) {
      report(release, no("ArtifactFailed", "could not get chart artifact"), cluster);
      return 60_000;
    }
    const isFirst = status.observedGeneration === undefined;
    const rest = left(`install ${generation}`, installMs, release, cluster);
    if (rest > 0) {
      const running = { status: "Unknown", reason: "Progressing" } as const;
      const what = `Running '${isFirst ? "install" : "upgrade"}' action`;
      report(release, { ...running, message: what }, cluster);
      return rest;
    }
    for (const object of objectsOf(release, chart)) put(object, cluster);
    cluster.effect(release.metadata.name, isFirst ? "release-installed" : "release-upgraded", {
      chart: `${chart.name}@${chart.version}`,
    });
    const what = isFirst ? "install" : "upgrade";
    const message = `Helm ${what} succeeded for release ${namespaceOf(release)}/${release.metadata.name} with chart ${chart.name}@${chart.version}`;
    const reason = isFirst ? "InstallSucceeded" : "UpgradeSucceeded";
    report(release, yes(reason, message), cluster, { observedGeneration: generation });
    return null;
  },
};

function chartOf(release: KubeObject, cluster: ClusterClient): Chart | undefined {
  const chart = cluster.get({
    kind: k0rdentKind("HelmChart"),
    namespace: namespaceOf(release),
    name: specOf<ReleaseSpec>(release).chartRef.name,
  });
  if (chart === undefined) return undefined;
  const { chart: name, version } = specOf<{ chart: string; version: string }>(chart);
  return findChart(name, version);
}

/** Helm puts values over a chart's defaults as a merge patch does: null takes a default away. */
function valuesOf(release: KubeObject, { defaults }: Chart): Values {
  const { values = {} } = specOf<ReleaseSpec>(release);
  return mergePatch(defaults, values);
}

function objectsOf(release: KubeObject, chart: Chart) {
  return chart.render({
    name: release.metadata.name,
    namespace: namespaceOf(release),
    values: valuesOf(release, chart),
  });
}

/** Creates it, or gives it the fields that the chart knows of; others keep what operators wrote there. */
function put(object: ReturnType<typeof objectsOf>[number], cluster: ClusterClient): void {
  const made = cluster.create(object);
  cluster.update(keyOf(made), (newest) => ({
    ...newest,
    metadata: {
      ...newest.metadata,
      labels: { ...newest.metadata.labels, ...object.metadata.labels },
    },
    spec: { ...specOf<object>(newest), ...(object["spec"] as object) },
  }));
}

function uninstall(
  release: KubeObject,
  chart: Chart | undefined,
  cluster: ClusterClient,
): number | null {
  const rest = left("uninstall", uninstallMs, release, cluster);
  if (rest > 0) return rest;
  for (const object of chart === undefined ? [] : objectsOf(release, chart)) {
    cluster.delete({
      kind: kindOf(object),
      namespace: namespaceOf(release),
      name: object.metadata.name,
    });
  }
  cluster.effect(release.metadata.name, "release-uninstalled", {});
  letGo(release, finalizer, cluster);
  return null;
}

function report(
  release: KubeObject,
  ready: Finding,
  cluster: ClusterClient,
  more: object = {},
): void {
  cluster.updateStatus(keyOf(release), {
    ...statusOf(release),
    ...more,
    conditions: found(release, cluster.now(), { Ready: ready }),
  });
}
