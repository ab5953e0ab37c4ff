import { age, define, text } from "./define.ts";
import type { Kind } from "./kind.ts";

const group = "infrastructure.cluster.x-k8s.io";
const versions = ["v1beta2", "v1beta1"] as const;
const categories = ["cluster-api"] as const;
const cluster = text("Cluster", ".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']");

/** The kinds of Cluster API's provider for development, whose machines are in memory (v1.14). */
export const clusterApiDevKinds: readonly Kind[] = [
  define({
    group,
    versions,
    categories,
    kind: "DevCluster",
    plural: "devclusters",
    columns: [cluster, age],
  }),
  define({
    group,
    versions,
    categories,
    kind: "DevClusterTemplate",
    plural: "devclustertemplates",
    hasStatus: false,
    columns: [age],
  }),
  define({
    group,
    versions,
    categories,
    kind: "DevMachine",
    plural: "devmachines",
    columns: [cluster, text("ProviderID", ".spec.providerID"), age],
  }),
  define({
    group,
    versions,
    categories,
    kind: "DevMachineTemplate",
    plural: "devmachinetemplates",
    columns: [age],
  }),
];
