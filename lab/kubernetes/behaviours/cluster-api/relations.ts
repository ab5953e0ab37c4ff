import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterView } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type ContractRef, keyOfRef, kindName, kindOf, namespaceOf } from "./kinds.ts";

/** Labels that Cluster API puts on what it makes (book, "Labels, annotations and finalizers"). */
export const labels = {
  clusterName: "cluster.x-k8s.io/cluster-name",
  controlPlane: "cluster.x-k8s.io/control-plane",
  controlPlaneName: "cluster.x-k8s.io/control-plane-name",
  deploymentName: "cluster.x-k8s.io/deployment-name",
  setName: "cluster.x-k8s.io/set-name",
  templateHash: "machine-template-hash",
  topologyOwned: "topology.cluster.x-k8s.io/owned",
  topologyDeployment: "topology.cluster.x-k8s.io/deployment-name",
} as const;

export const annotations = {
  paused: "cluster.x-k8s.io/paused",
  deleteMachine: "cluster.x-k8s.io/delete-machine",
  clonedFrom: "cluster.x-k8s.io/cloned-from-name",
  clonedFromKind: "cluster.x-k8s.io/cloned-from-groupkind",
  deferUpgrade: "topology.cluster.x-k8s.io/defer-upgrade",
  holdUpgrades: "topology.cluster.x-k8s.io/hold-upgrade-sequence",
  bareMetalHost: "metal3.io/BareMetalHost",
} as const;

type Watch = Behaviour["watches"][number];
type KnownKind = Parameters<typeof kindName>[0];

/** Spec and status as their kind's CRD describes them; the API server has checked them. */
export function specOf<Spec>(object: KubeObject): Spec {
  return (object["spec"] ?? {}) as Spec;
}

export function statusOf<Status extends object>(object: KubeObject): Partial<Status> {
  const status = object["status"] as Partial<Status> | undefined;
  return status ?? {};
}

export function clusterNameOf(object: KubeObject): string {
  return object.metadata.labels?.[labels.clusterName] ?? "";
}

/** The Cluster that an object belongs to by its label. */
export function clusterOf(object: KubeObject, view: ClusterView): KubeObject | undefined {
  return view.get({
    kind: kindName("Cluster"),
    namespace: namespaceOf(object),
    name: clusterNameOf(object),
  });
}

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Whether the operators are to leave it alone: its own annotation, or its cluster is paused. */
export function isPaused(object: KubeObject, cluster: KubeObject | undefined): boolean {
  const spec = cluster === undefined ? {} : specOf<{ readonly paused?: boolean }>(cluster);
  return (
    spec.paused === true ||
    object.metadata.annotations?.[annotations.paused] !== undefined ||
    cluster?.metadata.annotations?.[annotations.paused] !== undefined
  );
}

/** Objects of one kind that belong to a cluster, by name. */
export function listOf(
  view: ClusterView,
  kind: KnownKind,
  cluster: { readonly namespace: string; readonly name: string },
  more: Readonly<Record<string, string>> = {},
): readonly KubeObject[] {
  return view
    .list(kindName(kind), {
      namespace: cluster.namespace,
      labels: { [labels.clusterName]: cluster.name, ...more },
    })
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Those of them whose controller is this owner. */
export function ownedOf(view: ClusterView, kind: KnownKind, owner: KubeObject): KubeObject[] {
  const cluster = { namespace: namespaceOf(owner), name: clusterNameOf(owner) };
  return listOf(view, kind, cluster).filter(({ metadata }) =>
    metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid),
  );
}

export function follow(
  ref: ContractRef | undefined,
  from: KubeObject,
  view: ClusterView,
): KubeObject | undefined {
  return ref === undefined ? undefined : view.get(keyOfRef(ref, namespaceOf(from)));
}

/** Looks at the Cluster when something of it changes. */
export function childOfCluster(kind: KnownKind): Watch {
  return {
    kind: kindName(kind),
    toKeys: (object) => [
      { kind: kindName("Cluster"), namespace: namespaceOf(object), name: clusterNameOf(object) },
    ],
  };
}

/** Looks at an object's owners of one kind when it changes. */
export function childOf(kind: KnownKind, ownerKind: KnownKind): Watch {
  return {
    kind: kindName(kind),
    toKeys: (object) => ownersOf(object, ownerKind),
  };
}

/** Looks at everything of one kind that belongs to a Cluster when the Cluster changes. */
export function partsOfCluster(kind: KnownKind): Watch {
  return {
    kind: kindName("Cluster"),
    toKeys: (cluster, view) =>
      listOf(view, kind, { namespace: namespaceOf(cluster), name: cluster.metadata.name }).map(
        (object) => ({
          kind: kindName(kind),
          namespace: namespaceOf(object),
          name: object.metadata.name,
        }),
      ),
  };
}

function ownersOf(object: KubeObject, ownerKind: KnownKind): readonly ObjectKey[] {
  const kind = kindName(ownerKind);
  return (object.metadata.ownerReferences ?? [])
    .filter((owner) => kindOf(owner) === kind)
    .map(({ name }) => ({ kind, namespace: namespaceOf(object), name }));
}
