import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import type { Kind, PrinterColumn } from "./kind.ts";

const age: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
};

/** How a built-in kind differs from the plainest one: namespaced, in the core group, without a status. */
export interface BuiltIn {
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly isCluster?: boolean;
  readonly hasStatus?: boolean;
  readonly columns?: readonly PrinterColumn[];
  readonly hasOwnName?: boolean;
  /** False: it is printed without its age. */
  readonly hasAge?: boolean;
  readonly selectableFields?: readonly string[];
  readonly verbs?: readonly string[];
  /** Only where it matters what the kind takes: then what it does not know is dropped, and who owns what is told by it. */
  readonly schema?: StructuralSchema;
}

/** A kind that every cluster has. */
export function builtIn(given: BuiltIn): Kind {
  return {
    group: given.group ?? "",
    kind: given.kind,
    plural: given.plural,
    singular: given.kind.toLowerCase(),
    shortNames: given.shortNames ?? [],
    categories: given.categories ?? [],
    scope: given.isCluster === true ? "Cluster" : "Namespaced",
    ...(given.verbs === undefined ? {} : { verbs: given.verbs }),
    versions: [
      {
        name: given.version ?? "v1",
        served: true,
        storage: true,
        schema: given.schema ?? null,
        subresources: { status: given.hasStatus ?? false, scale: null },
        printerColumns: [...(given.columns ?? []), ...(given.hasAge === false ? [] : [age])],
        ...(given.hasOwnName === undefined ? {} : { hasOwnName: given.hasOwnName }),
        selectableFields: given.selectableFields ?? [],
      },
    ],
  };
}

const text = (name: string, jsonPath: string, priority = 0): PrinterColumn => ({
  name,
  type: "string",
  jsonPath,
  priority,
});

const dataCount: PrinterColumn = {
  ...text("Data", ".data"),
  print: (data) => String(Object.keys(data ?? {}).length),
};

const texts: StructuralSchema = { type: "object", additionalProperties: { type: "string" } };
const bytes: StructuralSchema = {
  type: "object",
  additionalProperties: { type: "string", format: "byte" },
};

/** `machine/worker-1`. */
function kindAndName(reference: unknown): string {
  const { kind = "", name = "" } = (reference ?? {}) as { kind?: string; name?: string };
  return `${kind.toLowerCase()}/${name}`;
}

const modes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

/** `RWO,RWX`. */
function shortModes(list: unknown): string {
  return Array.isArray(list) ? list.map((mode) => modes[String(mode)] ?? "").join(",") : "";
}

/** The kinds that every cluster has, as far as bare metal, clusters and virtual machines are concerned with them. */
export const builtInKinds: readonly Kind[] = [
  builtIn({
    kind: "Namespace",
    plural: "namespaces",
    shortNames: ["ns"],
    isCluster: true,
    hasStatus: true,
    columns: [text("Status", ".status.phase")],
    selectableFields: [".status.phase"],
  }),
  builtIn({
    kind: "Secret",
    plural: "secrets",
    columns: [text("Type", ".type"), dataCount],
    selectableFields: [".type"],
    schema: {
      type: "object",
      properties: {
        data: bytes,
        stringData: texts,
        type: { type: "string" },
        immutable: { type: "boolean" },
      },
    },
  }),
  builtIn({
    kind: "ConfigMap",
    plural: "configmaps",
    shortNames: ["cm"],
    columns: [dataCount],
    schema: {
      type: "object",
      properties: { data: texts, binaryData: bytes, immutable: { type: "boolean" } },
    },
  }),
  builtIn({
    kind: "Event",
    plural: "events",
    shortNames: ["ev"],
    columns: [
      { name: "Last Seen", type: "date", jsonPath: ".lastTimestamp" },
      text("Type", ".type"),
      text("Reason", ".reason"),
      { ...text("Object", ".involvedObject"), print: kindAndName },
      text("Subobject", ".involvedObject.fieldPath", 1),
      text("Source", ".source.component", 1),
      text("Message", ".message"),
      { name: "First Seen", type: "date", jsonPath: ".firstTimestamp", priority: 1 },
      text("Count", ".count", 1),
      text("Name", ".metadata.name", 1),
    ],
    hasOwnName: true,
    hasAge: false,
    selectableFields: [
      ".involvedObject.kind",
      ".involvedObject.namespace",
      ".involvedObject.name",
      ".involvedObject.uid",
      ".involvedObject.apiVersion",
      ".involvedObject.resourceVersion",
      ".involvedObject.fieldPath",
      ".reason",
      ".reportingComponent",
      ".source",
      ".type",
    ],
  }),
  builtIn({
    kind: "Node",
    plural: "nodes",
    shortNames: ["no"],
    isCluster: true,
    hasStatus: true,
    columns: [
      text("Ready", '.status.conditions[?(@.type=="Ready")].status'),
      text("Version", ".status.nodeInfo.kubeletVersion"),
      text("Internal-IP", '.status.addresses[?(@.type=="InternalIP")].address', 1),
    ],
    selectableFields: [".spec.unschedulable"],
  }),
  builtIn({
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    shortNames: ["pv"],
    isCluster: true,
    hasStatus: true,
    columns: [
      text("Capacity", ".spec.capacity.storage"),
      text("Status", ".status.phase"),
      text("Claim", ".spec.claimRef.name"),
      text("StorageClass", ".spec.storageClassName"),
    ],
  }),
  builtIn({
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    shortNames: ["pvc"],
    hasStatus: true,
    columns: [
      text("Status", ".status.phase"),
      text("Volume", ".spec.volumeName"),
      text("Capacity", ".status.capacity.storage"),
      { ...text("Access Modes", ".status.accessModes"), print: shortModes },
      text("StorageClass", ".spec.storageClassName"),
    ],
  }),
  builtIn({ kind: "ServiceAccount", plural: "serviceaccounts", shortNames: ["sa"] }),
  builtIn({
    kind: "Service",
    plural: "services",
    shortNames: ["svc"],
    categories: ["all"],
    hasStatus: true,
    columns: [text("Type", ".spec.type"), text("Cluster-IP", ".spec.clusterIP")],
  }),
  builtIn({
    kind: "Pod",
    plural: "pods",
    shortNames: ["po"],
    categories: ["all"],
    hasStatus: true,
    columns: [text("Status", ".status.phase"), text("Node", ".spec.nodeName", 1)],
    selectableFields: [".spec.nodeName", ".status.phase"],
  }),
  builtIn({
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    columns: [text("Holder", ".spec.holderIdentity")],
  }),
  builtIn({
    group: "storage.k8s.io",
    kind: "StorageClass",
    plural: "storageclasses",
    shortNames: ["sc"],
    isCluster: true,
    columns: [text("Provisioner", ".provisioner")],
  }),
  builtIn({
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    isCluster: true,
    hasStatus: true,
    columns: [],
  }),
];
