import type { KindName, KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";

/**
 * What plays one operator (Metal3's, Cluster API's …). It is level-based like the real ones: it looks at an object as it is now and at what
 * it remembers of it, changes what follows from that, and says when it wants to look again. All of it is synchronous and kept
 * with the objects, so a lab that is killed goes on where it was.
 */
export interface Behaviour {
  /** The operator's field manager, such as `baremetal-operator`. */
  readonly manager: string;
  /** Kinds whose changes make it look, and at which objects of its own; without `toKeys` at the changed object itself. */
  readonly watches: readonly {
    readonly kind: KindName;
    readonly toKeys?: (object: KubeObject, cluster: ClusterView) => readonly ObjectKey[];
  }[];
  /** Kinds of the objects that `reconcile` is called for. */
  readonly reconciles: readonly KindName[];
  /**
   * Called after each change of the object (or of what it watches), at start, and when the time has come. Returns after how
   * many ms of life (the lab divides them by its speed) it wants to look again; null: at the next change.
   */
  reconcile(object: KubeObject, cluster: ClusterClient): number | null;
  /** The operator's admission webhooks: what a client's write becomes (defaults), or the message with which it is refused (422 Invalid, or 403 with `forbidden`). */
  admit?(write: AdmissionWrite, cluster: ClusterView): Admission;
  /** Paths that the operator serves as an aggregated API, such as `subresources.kubevirt.io`. */
  readonly aggregated?: readonly AggregatedPath[];
}

export interface AdmissionWrite {
  readonly operation: "create" | "update" | "delete";
  readonly object: KubeObject;
  /** Null for a create. */
  readonly old: KubeObject | null;
}

export type Admission =
  | { readonly kind: "allowed"; readonly object: KubeObject }
  | {
      readonly kind: "refused";
      readonly reason: "Invalid" | "Forbidden";
      /** Without the field's name. */
      readonly message: string;
      /** The field that is wrong, such as `spec.topology.version`. */
      readonly field?: string;
    };

export interface AggregatedPath {
  /** Group and version, such as `subresources.kubevirt.io/v1`. */
  readonly groupVersion: string;
  /** Resource and subresource, such as `virtualmachines/start`. */
  readonly resource: string;
  /** Answers a PUT on it; `body` is parsed JSON or null. */
  put(
    name: { readonly namespace: string; readonly name: string },
    body: unknown,
    cluster: ClusterClient,
  ): AggregatedReply;
}

export interface AggregatedReply {
  readonly status: number;
  /** Null: an empty body. */
  readonly body: unknown;
}

export interface ClusterView {
  /** ms since 1970. */
  readonly now: () => number;
  /** How many times as fast as life the lab runs: since `t`, `(now() - t) * speed` ms of life have passed. */
  readonly speed: number;
  get(key: ObjectKey): KubeObject | undefined;
  list(
    kind: KindName,
    filter?: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> },
  ): readonly KubeObject[];
}

/** What an operator may do. Its writes pass no admission and no fault; each is one resourceVersion, none when nothing changes. */
export interface ClusterClient extends ClusterView {
  /** Creates an object in its storage version; returns the one that is there when the name is taken. */
  create(object: NewObject): KubeObject;
  /** Changes spec, labels, annotations, finalizers, owners of the newest object: generation + 1 when the spec changes. Undefined when it is gone. */
  update(key: ObjectKey, change: (object: KubeObject) => KubeObject): KubeObject | undefined;
  /** Replaces `status`. Undefined when the object is gone. */
  updateStatus(key: ObjectKey, status: object): KubeObject | undefined;
  /** Deletes as a client would (finalizers hold it). A missing object is a success. */
  delete(key: ObjectKey): void;
  /** Writes a Kubernetes Event about the object. */
  event(about: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
  /** What the operator remembered of this object (by uid); undefined before the first `remember`. It is kept and deleted with the object. */
  memory<Memory>(object: KubeObject): Memory | undefined;
  remember(object: KubeObject, memory: unknown): void;
  /** Notes a change of the world outside Kubernetes (a machine written, a node joined) in the lab's effect log. */
  effect(
    target: string,
    action: string,
    detail: Readonly<Record<string, unknown>>,
    key?: string,
  ): void;
}

/** What a creator gives; the API server adds uid, resourceVersion and times. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly ownerReferences?: readonly object[];
  };
  readonly [field: string]: unknown;
}
