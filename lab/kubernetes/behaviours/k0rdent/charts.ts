import type { NewObject } from "#lab/kubernetes/behaviours/behaviour.ts";
import { apiVersionOf, refTo } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { labels } from "#lab/kubernetes/behaviours/cluster-api/relations.ts";
import type { Values } from "./kinds.ts";

/** A Helm chart of the lab: what k0rdent learns from it, and what it installs. */
export interface Chart {
  readonly name: string;
  readonly version: string;
  readonly kubernetesVersion: string;
  readonly description: string;
  readonly defaults: Values;
  /** Its `values.schema.json`. */
  readonly schema: object;
  readonly render: (release: Release) => readonly NewObject[];
}

interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly values: Values;
}

const wholeNumber = (minimum: number) => ({ type: "integer", minimum });
const open = { clusterLabels: { type: "object" }, clusterAnnotations: { type: "object" } };

/** As in k0rdent's own charts, the version is a value like any other, with k0s's own number behind it. */
const k0sOf = (kubernetesVersion: string) => ({ version: `${kubernetesVersion}+k0s.0` });

/** What the values say, not the chart: a value that is kept from an older chart keeps its version. */
function versionOf({ values }: Release): string {
  return (values["k0s"] as ReturnType<typeof k0sOf>).version;
}

/** One pool of workers, by the key that most of k0rdent's own charts have. */
function standalone(version: string, kubernetesVersion: string): Chart {
  return {
    name: "lab-standalone-cp",
    version,
    kubernetesVersion,
    description: "A cluster of virtual machines of the lab with one pool of workers.",
    defaults: {
      clusterLabels: {},
      clusterAnnotations: {},
      controlPlaneNumber: 1,
      workersNumber: 1,
      k0s: k0sOf(kubernetesVersion),
    },
    schema: {
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      required: ["controlPlaneNumber", "workersNumber"],
      properties: {
        ...open,
        controlPlaneNumber: wholeNumber(1),
        workersNumber: wholeNumber(0),
        k0s: { type: "object", properties: { version: { type: "string" } } },
      },
    },
    render: (release) =>
      rendered(release, versionOf(release), numberOf(release.values["controlPlaneNumber"], 1), {
        md: numberOf(release.values["workersNumber"], 1),
      }),
  };
}

/** Two pools under keys of their own and no `workersNumber`, like k0rdent's chart for Azure's managed clusters. */
function machinePools(version: string, kubernetesVersion: string): Chart {
  const pool = { type: "object", required: ["count"], properties: { count: wholeNumber(0) } };
  return {
    name: "lab-machine-pools",
    version,
    kubernetesVersion,
    description: "A cluster of virtual machines of the lab with two pools of workers.",
    defaults: {
      clusterLabels: {},
      clusterAnnotations: {},
      controlPlaneNumber: 1,
      machinePools: { system: { count: 1 }, user: { count: 1 } },
    },
    schema: {
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      required: ["machinePools"],
      properties: {
        ...open,
        controlPlaneNumber: wholeNumber(1),
        machinePools: { type: "object", properties: { system: pool, user: pool } },
      },
    },
    render: (release) => {
      const pools = (release.values["machinePools"] ?? {}) as Record<string, { count?: unknown }>;
      return rendered(
        release,
        kubernetesVersion,
        numberOf(release.values["controlPlaneNumber"], 1),
        { system: numberOf(pools["system"]?.count, 1), user: numberOf(pools["user"]?.count, 1) },
      );
    },
  };
}

export const charts: readonly Chart[] = [
  standalone("1.0.0", "v1.33.9"),
  standalone("1.1.0", "v1.34.5"),
  standalone("1.2.0", "v1.35.2"),
  machinePools("1.0.0", "v1.33.9"),
  machinePools("1.1.0", "v1.34.5"),
];

export function findChart(name: string, version: string): Chart | undefined {
  return charts.find((chart) => chart.name === name && chart.version === version);
}

function numberOf(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

/** A cluster without a topology, with names that stay the same from one version of the chart to the next. */
function rendered(
  release: Release,
  version: string,
  controlPlanes: number,
  pools: Readonly<Record<string, number>>,
): readonly NewObject[] {
  const { name, namespace, values } = release;
  const own = { [labels.clusterName]: name, "app.kubernetes.io/managed-by": "Helm" };
  const part = (kind: Parameters<typeof apiVersionOf>[0], suffix: string, spec: object) => ({
    apiVersion: apiVersionOf(kind),
    kind,
    metadata: { name: suffix === "" ? name : `${name}-${suffix}`, namespace, labels: own },
    spec,
  });
  const inMemory = { backend: { inMemory: {} } };
  const infra = part("DevCluster", "", inMemory);
  const planeMachines = part("DevMachineTemplate", "cp-mt", { template: { spec: inMemory } });
  const workerMachines = part("DevMachineTemplate", "worker-mt", { template: { spec: inMemory } });
  const bootstrap = part("KubeadmConfigTemplate", "worker-config", {
    template: {
      spec: { joinConfiguration: { nodeRegistration: { name: "{{ local_hostname }}" } } },
    },
  });
  const plane = part("KubeadmControlPlane", "cp", {
    replicas: controlPlanes,
    version,
    kubeadmConfigSpec: {
      initConfiguration: { nodeRegistration: { name: "{{ local_hostname }}" } },
    },
    machineTemplate: { spec: { infrastructureRef: refTo(planeMachines) } },
  });
  const owner = part("Cluster", "", {
    clusterNetwork: { pods: { cidrBlocks: ["10.244.0.0/16"] } },
    controlPlaneRef: refTo(plane),
    infrastructureRef: refTo(infra),
  });
  const deployments = Object.entries(pools).map(([pool, replicas]) => {
    const selected = {
      [labels.clusterName]: name,
      [labels.deploymentName]: `${name}-${pool}`,
    };
    return part("MachineDeployment", pool, {
      clusterName: name,
      replicas,
      selector: { matchLabels: selected },
      template: {
        metadata: { labels: selected },
        spec: {
          clusterName: name,
          version,
          bootstrap: { configRef: refTo(bootstrap) },
          infrastructureRef: refTo(workerMachines),
        },
      },
    });
  });
  const labelled = {
    ...owner,
    metadata: {
      ...owner.metadata,
      labels: { ...own, ...(values["clusterLabels"] as Readonly<Record<string, string>>) },
    },
  };
  return [labelled, infra, planeMachines, workerMachines, bootstrap, plane, ...deployments];
}
