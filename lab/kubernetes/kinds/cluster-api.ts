import { age, anything, condition, count, define, listMap, open, text } from "./define.ts";
import type { Kind, PrinterColumn, ScalePaths } from "./kind.ts";

const core = "cluster.x-k8s.io";
const bootstrap = "bootstrap.cluster.x-k8s.io";
const controlPlane = "controlplane.cluster.x-k8s.io";
const versions = ["v1beta2", "v1beta1"] as const;
const categories = ["cluster-api"] as const;

const scale: ScalePaths = {
  specReplicasPath: ".spec.replicas",
  statusReplicasPath: ".status.replicas",
  labelSelectorPath: ".status.selector",
};

const clusterLabel = text("Cluster", ".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']");
const clusterName = text("Cluster", ".spec.clusterName");
const paused = condition("Paused", 10);
const phase = text("Phase", ".status.phase");

function owner(kind: string): PrinterColumn {
  return text(kind, `.metadata.ownerReferences[?(@.kind=="${kind}")].name`);
}

const replicas: readonly PrinterColumn[] = [
  count("Desired", ".spec.replicas"),
  count("Current", ".status.replicas"),
  count("Ready", ".status.readyReplicas"),
  count("Available", ".status.availableReplicas"),
  count("Up-to-date", ".status.upToDateReplicas"),
];

/** Which lists of a Cluster's topology are merged item by item. */
const clusterSpec = open({
  topology: open({
    variables: listMap("name"),
    workers: open({ machineDeployments: listMap("name"), machinePools: listMap("name") }),
  }),
  clusterNetwork: anything,
});

/** The kinds of Cluster API and its kubeadm providers, with the columns and short names of their CRDs (v1.14). */
export const clusterApiKinds: readonly Kind[] = [
  define({
    group: core,
    versions,
    categories,
    kind: "Cluster",
    plural: "clusters",
    shortNames: ["cl"],
    specSchema: clusterSpec,
    columns: [
      text("ClusterClass", ".spec.topology.classRef.name"),
      condition("Available"),
      count("CP Desired", ".status.controlPlane.desiredReplicas"),
      count("CP Current", ".status.controlPlane.replicas", 10),
      count("CP Ready", ".status.controlPlane.readyReplicas", 10),
      count("CP Available", ".status.controlPlane.availableReplicas"),
      count("CP Up-to-date", ".status.controlPlane.upToDateReplicas"),
      count("W Desired", ".status.workers.desiredReplicas"),
      count("W Current", ".status.workers.replicas", 10),
      count("W Ready", ".status.workers.readyReplicas", 10),
      count("W Available", ".status.workers.availableReplicas"),
      count("W Up-to-date", ".status.workers.upToDateReplicas"),
      paused,
      phase,
      age,
      text("Version", ".spec.topology.version"),
    ],
  }),
  define({
    group: core,
    versions,
    categories,
    kind: "ClusterClass",
    plural: "clusterclasses",
    shortNames: ["cc"],
    columns: [paused, condition("VariablesReady", 0, "Variables Ready"), age],
  }),
  define({
    group: core,
    versions,
    categories,
    scale,
    kind: "MachineDeployment",
    plural: "machinedeployments",
    shortNames: ["md"],
    columns: [
      clusterName,
      condition("Available"),
      ...replicas,
      paused,
      phase,
      age,
      text("Version", ".spec.template.spec.version"),
    ],
  }),
  define({
    group: core,
    versions,
    categories,
    scale,
    kind: "MachineSet",
    plural: "machinesets",
    shortNames: ["ms"],
    columns: [
      clusterName,
      ...replicas,
      paused,
      age,
      text("Version", ".spec.template.spec.version"),
    ],
  }),
  define({
    group: core,
    versions,
    categories,
    kind: "Machine",
    plural: "machines",
    shortNames: ["ma"],
    columns: [
      clusterName,
      text("Node Name", ".status.nodeRef.name"),
      text("Provider ID", ".spec.providerID", 10),
      text("Failure domain", ".status.failureDomain"),
      condition("Ready"),
      condition("Available"),
      condition("UpToDate", 0, "Up-to-date"),
      text("Internal-IP", '.status.addresses[?(@.type=="InternalIP")].address', 10),
      text("OS-Image", ".status.nodeInfo.osImage", 10),
      paused,
      phase,
      age,
      text("Version", ".spec.version"),
    ],
  }),
  define({
    group: core,
    versions,
    categories,
    kind: "MachineHealthCheck",
    plural: "machinehealthchecks",
    shortNames: ["mhc", "mhcs"],
    columns: [
      clusterName,
      count("Replicas", ".status.expectedMachines"),
      count("Healthy", ".status.currentHealthy"),
      paused,
      age,
    ],
  }),
  define({
    group: core,
    versions,
    categories,
    scale,
    kind: "MachinePool",
    plural: "machinepools",
    shortNames: ["mp"],
    columns: [
      clusterName,
      ...replicas,
      paused,
      phase,
      age,
      text("Version", ".spec.template.spec.version"),
    ],
  }),
  define({
    group: bootstrap,
    versions,
    categories,
    kind: "KubeadmConfig",
    plural: "kubeadmconfigs",
    columns: [
      clusterLabel,
      paused,
      text("Data secret created", ".status.initialization.dataSecretCreated"),
      age,
    ],
  }),
  define({
    group: bootstrap,
    versions,
    categories,
    kind: "KubeadmConfigTemplate",
    plural: "kubeadmconfigtemplates",
    hasStatus: false,
    columns: [owner("ClusterClass"), owner("Cluster"), age],
  }),
  define({
    group: controlPlane,
    versions,
    categories,
    scale,
    kind: "KubeadmControlPlane",
    plural: "kubeadmcontrolplanes",
    shortNames: ["kcp"],
    columns: [
      clusterLabel,
      condition("Available"),
      ...replicas,
      paused,
      {
        name: "Initialized",
        type: "boolean",
        jsonPath: ".status.initialization.controlPlaneInitialized",
      },
      age,
      text("Version", ".spec.version"),
    ],
  }),
  define({
    group: controlPlane,
    versions,
    categories,
    kind: "KubeadmControlPlaneTemplate",
    plural: "kubeadmcontrolplanetemplates",
    hasStatus: false,
    columns: [owner("ClusterClass"), age],
  }),
];
