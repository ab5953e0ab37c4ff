import { age, define, text } from "./define.ts";
import type { Kind, PrinterColumn } from "./kind.ts";

const group = "infrastructure.cluster.x-k8s.io";
const versions = ["v1beta2", "v1beta1"] as const;
const categories = ["cluster-api"] as const;

const cluster = text("Cluster", ".metadata.labels.cluster\\.x-k8s\\.io/cluster-name");
const provisioned = text("Provisioned", ".status.initialization.provisioned");

/** Each of its kinds has the short names `m3x`, `m3word`, `m3words` and `metal3x`. */
function metal3(given: {
  readonly word: string;
  readonly kind: string;
  readonly letters: string;
  readonly hasStatus?: boolean;
  readonly columns?: readonly PrinterColumn[];
}): Kind {
  const { word, kind, letters, ...rest } = given;
  return define({
    ...rest,
    group,
    versions,
    categories,
    kind,
    plural: `metal3${word}s`,
    shortNames: [`m3${letters}`, `m3${word}`, `m3${word}s`, `metal3${letters}`],
  });
}

/** The kinds of Cluster API's Metal3 provider, with the columns and short names of its CRDs (v1.13). */
export const clusterApiMetal3Kinds: readonly Kind[] = [
  metal3({
    word: "cluster",
    kind: "Metal3Cluster",
    letters: "c",
    columns: [
      age,
      provisioned,
      text("Error", ".status.deprecated.v1beta1.failureReason"),
      cluster,
      text("Endpoint", ".spec.controlPlaneEndpoint"),
    ],
  }),
  metal3({
    word: "clustertemplate",
    kind: "Metal3ClusterTemplate",
    letters: "ct",
    hasStatus: false,
    columns: [],
  }),
  metal3({
    word: "machine",
    kind: "Metal3Machine",
    letters: "m",
    columns: [age, text("ProviderID", ".spec.providerID"), provisioned, cluster],
  }),
  metal3({
    word: "machinetemplate",
    kind: "Metal3MachineTemplate",
    letters: "mt",
    hasStatus: false,
  }),
  metal3({
    word: "datatemplate",
    kind: "Metal3DataTemplate",
    letters: "dt",
    columns: [cluster, age],
  }),
  metal3({ word: "dataclaim", kind: "Metal3DataClaim", letters: "dc" }),
  metal3({ word: "data", kind: "Metal3Data", letters: "d" }),
];
