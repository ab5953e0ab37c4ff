import type { KindName, KubeObject, ObjectKey, OwnerReference } from "#lab/kubernetes/object.ts";

const infrastructure = "infrastructure.cluster.x-k8s.io/v1beta2";

/** The API version in which each kind is stored (Cluster API v1.14, CAPM3 v1.13). */
const apiVersions = {
  Cluster: "cluster.x-k8s.io/v1beta2",
  ClusterClass: "cluster.x-k8s.io/v1beta2",
  Machine: "cluster.x-k8s.io/v1beta2",
  MachineDeployment: "cluster.x-k8s.io/v1beta2",
  MachineSet: "cluster.x-k8s.io/v1beta2",
  KubeadmConfig: "bootstrap.cluster.x-k8s.io/v1beta2",
  KubeadmConfigTemplate: "bootstrap.cluster.x-k8s.io/v1beta2",
  KubeadmControlPlane: "controlplane.cluster.x-k8s.io/v1beta2",
  KubeadmControlPlaneTemplate: "controlplane.cluster.x-k8s.io/v1beta2",
  DevCluster: infrastructure,
  DevClusterTemplate: infrastructure,
  DevMachine: infrastructure,
  DevMachineTemplate: infrastructure,
  Metal3Cluster: infrastructure,
  Metal3ClusterTemplate: infrastructure,
  Metal3Machine: infrastructure,
  Metal3MachineTemplate: infrastructure,
  BareMetalHost: "metal3.io/v1alpha1",
  Secret: "v1",
} as const;

type KnownKind = keyof typeof apiVersions;

/** The storage version of a kind that these operators know. */
export function apiVersionOf(kind: KnownKind): string {
  return apiVersions[kind];
}

/** `Machine` → `Machine.cluster.x-k8s.io`. */
export function kindName(kind: KnownKind): KindName {
  return kindOf({ apiVersion: apiVersions[kind], kind });
}

export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

export function kindOf(object: { readonly apiVersion: string; readonly kind: string }): KindName {
  const group = groupOf(object.apiVersion);
  return group === "" ? object.kind : `${object.kind}.${group}`;
}

export function keyOf(object: KubeObject): ObjectKey {
  return {
    kind: kindOf(object),
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
  };
}

export function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? "";
}

/** How v1beta2 refers to an object of the same namespace: the version is left to the reader. */
export interface ContractRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

export function refTo(object: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}): ContractRef {
  return {
    apiGroup: groupOf(object.apiVersion),
    kind: object.kind,
    name: object.metadata.name,
  };
}

export function keyOfRef(ref: ContractRef, namespace: string): ObjectKey {
  return { kind: `${ref.kind}.${ref.apiGroup}`, namespace, name: ref.name };
}

export function ownedBy(owner: KubeObject, isController = true): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    controller: isController,
    blockOwnerDeletion: true,
  };
}
