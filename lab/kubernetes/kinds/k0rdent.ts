import { age, condition, define, text } from "./define.ts";
import type { Kind, PrinterColumn } from "./kind.ts";

const group = "k0rdent.mirantis.com";
const versions = ["v1beta1"] as const;

const valid: readonly PrinterColumn[] = [
  { name: "valid", type: "boolean", jsonPath: ".status.valid" },
  text("validationError", ".status.validationError", 1),
  text("description", ".status.description", 1),
];

/** The kinds of k0rdent's cluster manager (kcm v1.11), and Flux's HelmRelease, through which it installs. */
export const k0rdentKinds: readonly Kind[] = [
  define({
    group,
    versions,
    kind: "ClusterDeployment",
    plural: "clusterdeployments",
    shortNames: ["clusterd", "cld"],
    columns: [
      condition("Ready"),
      text("Services", '.status.conditions[?(@.type=="ServicesInReadyState")].message'),
      text("Template", ".spec.template"),
      text("Messages", '.status.conditions[?(@.type=="Ready")].message'),
      age,
      text("DryRun", ".spec.dryRun", 1),
    ],
  }),
  define({
    group,
    versions,
    kind: "ClusterTemplate",
    plural: "clustertemplates",
    shortNames: ["clustertmpl"],
    columns: valid,
  }),
  define({
    group,
    versions,
    kind: "ClusterTemplateChain",
    plural: "clustertemplatechains",
    columns: [{ name: "Valid", type: "boolean", jsonPath: ".status.valid" }, age],
  }),
  define({
    group,
    versions,
    kind: "Credential",
    plural: "credentials",
    shortNames: ["cred"],
    columns: [
      text("Ready", ".status.ready"),
      text("Region", ".spec.region"),
      text("Description", ".spec.description"),
    ],
  }),
  define({
    group,
    versions,
    kind: "ServiceTemplate",
    plural: "servicetemplates",
    shortNames: ["svctmpl"],
    columns: valid,
  }),
  define({
    group,
    versions,
    kind: "ServiceSet",
    plural: "servicesets",
    columns: [
      text("cluster", ".spec.cluster"),
      text("multiClusterServer", ".spec.multiClusterService"),
      text("Services", '.status.conditions[?(@.type=="ServicesInReadyState")].message'),
      text("provider", ".spec.provider.name"),
      { ...age, name: "age" },
    ],
  }),
  define({
    group,
    versions,
    scope: "Cluster",
    kind: "ProviderTemplate",
    plural: "providertemplates",
    shortNames: ["providertmpl"],
    columns: valid,
  }),
  define({
    group,
    versions,
    scope: "Cluster",
    kind: "Management",
    plural: "managements",
    shortNames: ["kcm-mgmt", "mgmt"],
    columns: [condition("Ready"), text("Release", ".status.release"), age],
  }),
  define({
    group,
    versions,
    scope: "Cluster",
    kind: "Region",
    plural: "regions",
    shortNames: ["rgn"],
    columns: [condition("Ready"), age],
  }),
  define({
    group: "source.toolkit.fluxcd.io",
    versions: ["v1"],
    kind: "HelmChart",
    plural: "helmcharts",
    shortNames: ["hc"],
    columns: [text("Chart", ".spec.chart"), text("Version", ".spec.version"), age],
  }),
  define({
    group: "helm.toolkit.fluxcd.io",
    versions: ["v2"],
    kind: "HelmRelease",
    plural: "helmreleases",
    shortNames: ["hr"],
    columns: [
      age,
      condition("Ready"),
      text("Status", '.status.conditions[?(@.type=="Ready")].message'),
    ],
  }),
];
