import type { Registry } from "prom-client";
import type { SealedSecret } from "#engine/requests.ts";
import type { Engine } from "#engine/requests.ts";
import type { Ids } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";
import type { EventReader } from "#projections/event-reader.ts";
import type { ClusterDriver, KubernetesPlace } from "#contract/cluster.ts";
import type { ClusterId, SecretId } from "#contract/ids.ts";
import type { ClusterOffers } from "#projections/cluster-offers.ts";
import type { ClusterReader, VmReader } from "#projections/compute-reader.ts";
import type { PoolReader } from "#projections/pool-reader.ts";
import type { RunReader } from "#projections/run-reader.ts";
import type { ServerReader } from "#projections/server-reader.ts";

/** Who is asking: what an API key stands for. Its role decides what it may do. */
export interface Caller {
  /** Stands in `triggeredBy` and in every event's actor. */
  readonly name: string;
  readonly role: string;
}

/** One thing that must work before this process can serve. */
export interface HealthCheck {
  readonly name: string;
  /** False: this process must get no requests. */
  readonly ok: boolean;
  /** Requests are accepted and kept, and what they ask for has to wait. */
  readonly degraded?: true;
  /** What is wrong, in words for an operator; absent when nothing is. */
  readonly message?: string;
}

/** The management clusters that are configured. */
export interface ManagementClusters {
  readonly names: readonly string[];
  /** The one that is meant when a request names none. */
  readonly current: string;
  /** Where objects are kept at each of them. */
  readonly namespace: string;
  readonly offers: ClusterOffers;
  /**
   * The administrator's kubeconfig of a cluster as its management cluster has it now; null: there is none. Throws a failure after a few seconds
   * without an answer.
   */
  kubeconfigOf(
    driver: ClusterDriver,
    cluster: { readonly id: ClusterId; readonly place: KubernetesPlace; readonly name: string },
  ): Promise<string | null>;
}

/** What the API is made of. It decides nothing itself: it checks, asks the engine or a reader, and answers. */
export interface ApiDependencies {
  readonly engine: Engine;
  readonly runs: RunReader;
  readonly servers: ServerReader;
  readonly clusters: ClusterReader;
  readonly vms: VmReader;
  /** Null: none is configured, so clusters and virtual machines can only be read. */
  readonly kubernetes: ManagementClusters | null;
  readonly pools: PoolReader;
  readonly events: EventReader;
  /** The caller of a bearer token, null when the token is not (or no longer) one of ours. */
  readonly auth: (token: string) => Promise<Caller | null>;
  /** Encrypts a secret that came in a request; it is stored only if the engine accepts the request. */
  readonly seal: (text: string) => Promise<SealedSecret>;
  /** The text of a stored secret: only for who may have it, and never logged. NOT_FOUND when it is gone. */
  readonly reveal: (id: SecretId) => Promise<string>;
  /** Puts another text in the place of the one that was revealed; false when that is no longer the stored one. */
  readonly renewSecret: (
    id: SecretId,
    text: { readonly from: string; readonly to: string },
  ) => Promise<boolean>;
  /** A digest that only this installation can make: request bodies hold passwords, which a plain hash would give away. */
  readonly fingerprint: (text: string) => string;
  readonly region: string;
  readonly log: Log;
  /** ms since 1970. */
  readonly now: () => number;
  readonly ids: Ids;
  readonly health: () => Promise<readonly HealthCheck[]>;
  /** The API adds its own metrics to this registry and serves all of it. */
  readonly registry: Registry;
  /** Whether the token in an installer's call-back address belongs to the run; in constant time. */
  readonly verifyCallback: (run: string, token: string) => boolean;
  /** The run's config drive, null when the token is wrong or the run has none. */
  readonly configDrive: (run: string, token: string) => Promise<Uint8Array | null>;
  /** Version of the program, for the API's description. */
  readonly version: string;
  /** How often an idle event stream says that it lives, in ms. Default 15,000. */
  readonly heartbeatMs?: number;
}
