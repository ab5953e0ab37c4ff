import type { ClusterDriver, KubernetesPlace, Problem } from "#contract/cluster.ts";
import type { Fence } from "#contract/fence.ts";
import type { ClusterId, PoolId, RunId, ServerId } from "#contract/ids.ts";
import type { ReadOptions, WriteOptions } from "./ports.ts";

/**
 * What Millwright asks of those who build clusters. The manners of `ports.ts` hold: no verb waits for the world, each says what a
 * second call does. All throw `Failure`: KUBERNETES_UNAVAILABLE (no answer, 401, 429, 5xx: worth another try), KUBERNETES_FORBIDDEN (403), KUBERNETES_REJECTED (the
 * request was understood and refused; `details.reason`, `details.causes`), CONFLICT (the object is somebody else's:
 * it lacks our label, or another manager owns a field), NOT_FOUND where said, VALIDATION_ERROR where said.
 */

/** Names a cluster's objects in the world; `id` stands in their label `millwright.dev/resource`. */
export interface ClusterRef {
  readonly id: ClusterId;
  readonly place: KubernetesPlace;
  readonly name: string;
}

/** A write on behalf of a run: `key` is `<run>/<step>`; the run stands in the label `millwright.dev/run`. */
export interface KubernetesWrite extends WriteOptions {
  readonly run: RunId;
}

/** A group of machines that are alike. */
export interface MachineGroup {
  readonly replicas: number;
  /**
   * Labels that hosts must carry to become its machines; null: the machines are not drawn from servers. Passed on in the way
   * that the ClusterClass or template declares (a variable or value `hostSelector`); VALIDATION_ERROR when it declares none, and
   * without labels when it declares one that neither `config` nor its default fills: such machines take any host that is free.
   */
  readonly hostLabels: Readonly<Record<string, string>> | null;
}

export interface WantedCluster {
  readonly kubernetesVersion: string;
  /** ClusterClass; null with k0rdent. */
  readonly class: string | null;
  /** ClusterTemplate; null without k0rdent. */
  readonly template: string | null;
  readonly credential: string | null;
  readonly config: Readonly<Record<string, unknown>> | null;
  readonly controlPlane: MachineGroup;
  readonly nodePools: readonly (MachineGroup & { readonly name: string })[];
}

/** A Kubernetes version that can be asked for, and which ones it can be upgraded to (in one run). */
export interface OfferedVersion {
  readonly version: string;
  /** The ClusterClass or ClusterTemplate that gives it. */
  readonly class: string | null;
  readonly template: string | null;
  readonly upgrades: readonly string[];
  /** False: nothing lists what the class takes, so it may take other versions than those that are known. */
  readonly listed: boolean;
}

/** What can be asked for at one place. */
export interface Offer {
  readonly versions: readonly OfferedVersion[];
  /** Every ClusterClass that is there, those included of which no version is known; empty with k0rdent. */
  readonly classes: readonly string[];
  /**
   * Those of the classes whose machines would be made of any free host where neither a pool nor a `hostSelector` in `config` says which; empty
   * with k0rdent, where only a look at the template tells.
   */
  readonly anyHost: readonly AnyHostClass[];
}

export interface AnyHostClass {
  readonly class: string;
  /** Those of its control plane too. */
  readonly controlPlane: boolean;
  /** What a group without a pool is told. */
  readonly why: string;
}

/** How a group of machines is. */
export interface GroupState {
  readonly desired: number;
  readonly replicas: number;
  /** Ready for as long as the operator wants to see before it counts on a machine (`minReadySeconds`). */
  readonly available: number;
  readonly upToDate: number;
  /**
   * The Kubernetes versions of its machines and how many have each; empty where the operator does not tell. A machine that has the version
   * wished for has it in the words in which it was offered, whatever build the machine adds or leaves out.
   */
  readonly versions: readonly { readonly version: string; readonly count: number }[];
}

/** All machines that are wished for are there, available and of the newest wish, and no other. */
export const isWhole = (group: GroupState): boolean =>
  group.replicas === group.desired &&
  group.available === group.desired &&
  group.upToDate === group.desired;

/** A node pool, and whether its operator is at work on it: a broken machine in one pool is no work in another. */
export interface PoolState extends GroupState {
  readonly name: string;
  readonly busy: boolean;
}

/** A cluster as the newest object shows it. */
export interface ClusterState {
  readonly uid: string;
  /** The Kubernetes version that the newest wish asks for, reached or not; null where the object does not tell. */
  readonly kubernetesVersion: string | null;
  /** False: the operator has not yet looked at the newest wish (observedGeneration); nothing below is to be believed for it. */
  readonly observed: boolean;
  readonly deleting: boolean;
  /** Somebody has told the operator to leave it alone: no change is carried out, nor even looked at, until it is unpaused. */
  readonly paused: boolean;
  readonly infrastructureReady: boolean;
  readonly controlPlaneInitialized: boolean;
  readonly controlPlaneAvailable: boolean;
  readonly workersAvailable: boolean;
  /** The wish has been handed on to the groups of machines; which of them follow it is theirs to tell. */
  readonly reconciled: boolean;
  /** A rollout, scaling or upgrade is on the way, or a machine is missing, anywhere in the cluster. */
  readonly changing: boolean;
  /** Everything that was wished for is there and well. */
  readonly settled: boolean;
  readonly controlPlane: GroupState;
  readonly nodePools: readonly PoolState[];
  /** `host:port` of its API server. */
  readonly endpoint: string | null;
  /** One line on what it is doing, in the operator's words; what a wait shows. */
  readonly summary: string;
  /** What it complains of now. It may pass: no operator says a final no. */
  readonly problems: readonly SeenProblem[];
}

export interface SeenProblem extends Problem {
  /**
   * Set for what every machine complains of while it comes to be (ISO 8601, since when): it is trouble only when it lasts. Null: trouble at once.
   */
  readonly usualSince: string | null;
}

export interface ClusterPort {
  /** What can be asked for now; null where the API server serves none of the operator's kinds: it is not installed. Read-only. */
  offered(place: KubernetesPlace, options: ReadOptions): Promise<Offer | null>;
  /**
   * Checks against what is there (class or template exists and is valid, version offered, credential ready, variables and values known)
   * and, where the API server can, by a dry run. Read-only. Throws VALIDATION_ERROR with `details.fields`, CONFLICT when the name is
   * taken by an object that is not ours.
   */
  check(cluster: ClusterRef, wanted: WantedCluster, options: ReadOptions): Promise<void>;
  /** Creates the cluster's objects. `already` when they are there, ours and as wanted. Repeating is safe. */
  create(
    cluster: ClusterRef,
    wanted: WantedCluster,
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /** Null when there is no such object. CONFLICT when it is not ours. Read-only. */
  read(cluster: ClusterRef, options: ReadOptions): Promise<ClusterState | null>;
  /** Throws what `scale` would refuse by the look of the cluster now. Read-only. */
  checkScale(
    cluster: ClusterRef,
    change: { readonly nodePool: string; readonly nodeCount: number },
    options: ReadOptions,
  ): Promise<void>;
  /**
   * Sets the number of a node pool's machines. `already` when it is that. NOT_FOUND without the cluster or pool. CONFLICT while the number is
   * another's to set (a field manager's, `details.causes`, or an autoscaler's): it is never taken over. Repeating is safe.
   */
  scale(
    cluster: ClusterRef,
    change: { readonly nodePool: string; readonly nodeCount: number },
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /** Throws what `upgrade` would refuse by the look of the cluster now. Read-only. */
  checkUpgrade(cluster: ClusterRef, kubernetesVersion: string, options: ReadOptions): Promise<void>;
  /**
   * Asks for another version (with k0rdent: the template that gives it, which is answered). `already` when it is asked for.
   * KUBERNETES_REJECTED when the operator refuses the way. CONFLICT while another field manager sets the version (`details.causes`): it
   * is never taken over. Repeating is safe.
   */
  upgrade(
    cluster: ClusterRef,
    kubernetesVersion: string,
    options: KubernetesWrite,
  ): Promise<{ readonly asked: boolean; readonly template: string | null }>;
  /**
   * Asks for deletion, with the uid read just before as precondition. `gone` when nothing of ours is there; what has its name and lacks our
   * label is never touched. Repeating is safe.
   */
  delete(cluster: ClusterRef, options: KubernetesWrite): Promise<"asked" | "gone">;
  /** The administrator's kubeconfig; null while there is none. Read-only; its answer is a secret. */
  kubeconfig(cluster: ClusterRef, options: ReadOptions): Promise<string | null>;
}

export type ClusterPorts = Readonly<Record<ClusterDriver, ClusterPort>>;

/** Servers that are drawn from a pool for a group of a cluster's machines. */
export interface AllocationWish {
  /** Only servers under this provisioner: a cluster's machines are made of Metal3's hosts. */
  readonly provisioner: "redfish" | "metal3";
  /** Only servers whose hosts are kept there: its machines can be made of no others. Null: anywhere. */
  readonly place: KubernetesPlace | null;
  /** Name of the pool, in the cluster's project. */
  readonly pool: string;
  /** The node pool, or `control-plane`. */
  readonly group: string;
  /** How many the group shall have, those included that it has. */
  readonly count: number;
}

export interface AllocatedServer {
  readonly server: ServerId;
  readonly pool: PoolId;
  readonly group: string;
  readonly takenBy: RunId;
}

/** The cluster that has servers, and the run that takes and returns them on its behalf. */
export interface AllocationOwner {
  readonly cluster: ClusterId;
  readonly fence: Fence;
}

/**
 * Pools give servers to clusters and take them back. A write says under which lease it is made: UNAVAILABLE, with nothing
 * written, once another process has the run.
 */
export interface AllocationPort {
  /**
   * Brings each group up to its count, all or nothing: free servers (available, healthy or degraded, in no run's hands, in no cluster) of
   * the pool, the longest-free first. Answers with all servers of the wished groups. A second call finds the first one's and takes no
   * more. POOL_CAPACITY_EXCEEDED names pool, needed, free (`details`); NOT_FOUND an unknown pool.
   */
  allocate(
    owner: AllocationOwner & { readonly project: string },
    wishes: readonly AllocationWish[],
    options: ReadOptions,
  ): Promise<readonly AllocatedServer[]>;
  /** What the cluster has. Read-only. */
  held(cluster: ClusterId, options: ReadOptions): Promise<readonly AllocatedServer[]>;
  /** Gives servers of the cluster back. A second call finds nothing and succeeds. Answers with what was given back. */
  release(
    owner: AllocationOwner,
    which: { readonly servers: readonly ServerId[] },
    options: ReadOptions,
  ): Promise<readonly ServerId[]>;
  /** The run that took them has ended well: what was reserved is in use. Repeating is safe. */
  confirm(owner: AllocationOwner, options: ReadOptions): Promise<void>;
}

/** Metal3's hosts carry labels by which a cluster's machines find those that were allocated to it. */
export interface HostPoolPort {
  /**
   * Labels the host of each server for the cluster's group, with `hostLabelsOf`. Repeating is safe. CONFLICT when a host carries another
   * cluster's label (`details.reason` `marked`, `details.owner` that cluster) or a machine has taken it that is none of this cluster's
   * (`consumed`), KUBERNETES_REJECTED when a server has no host.
   */
  assign(
    cluster: ClusterRef,
    servers: readonly AllocatedServer[],
    options: KubernetesWrite,
  ): Promise<void>;
  /**
   * Takes those labels off again, where they are this cluster's, and what holds the host off (`HostPort.setPower`). A host that is gone is
   * a success. KUBERNETES_UNAVAILABLE while a machine of this cluster's has one. Repeating is safe.
   */
  unassign(
    cluster: ClusterRef,
    servers: readonly ServerId[],
    options: KubernetesWrite,
  ): Promise<void>;
  /**
   * Those of the servers whose hosts no machine of this cluster's uses and that are available again; one without a host is idle, and one that a
   * stranger's machine has taken is not this cluster's to wait for. Read-only.
   */
  idle(
    cluster: ClusterRef,
    servers: readonly ServerId[],
    options: ReadOptions,
  ): Promise<readonly ServerId[]>;
}

/** The labels that a host carries while it is allocated to a group of a cluster. */
export const hostLabelsOf = (cluster: ClusterId, group: string) => ({
  "millwright.dev/cluster": cluster,
  "millwright.dev/group": group,
});
