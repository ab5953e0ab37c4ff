/** A Kubernetes object as it is stored and sent. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** The part of `metadata` that the API server itself knows. */
export interface ObjectMeta {
  readonly name: string;
  /** Absent: a cluster-scoped object. */
  readonly namespace?: string;
  readonly uid: string;
  /** A decimal integer as text, one sequence for all objects. */
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  /** RFC 3339 in seconds, as the API server writes it. */
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** One manager's fields (FieldsV1 of server-side apply). */
export interface ManagedFieldsEntry {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** Absent: this manager has come to own fields without changing any. */
  readonly time?: string;
  readonly fieldsType: "FieldsV1";
  readonly fieldsV1: object;
  readonly subresource?: string;
}

/** `Kind.group`, as in `BareMetalHost.metal3.io`; the core group is left out: `Secret`. */
export type KindName = string;

/** Names one object of the storage version. */
export interface ObjectKey {
  readonly kind: KindName;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}
