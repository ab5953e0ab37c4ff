import { Failure } from "#contract/failures.ts";
import { createConfigDrivePort } from "#drivers/config-drive/config-drive.ts";
import { createImages } from "#drivers/images/images.ts";
import { createKubernetes, type Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import type { KubeconfigSource } from "#drivers/kubernetes/options.ts";
import { createHostPool } from "#drivers/metal3/host-pool.ts";
import { createMetal3 } from "#drivers/metal3/metal3.ts";
import { createRedfish } from "#drivers/redfish/redfish.ts";
import { createGate } from "#drivers/redfish/wire/gate.ts";
import type { SessionStore } from "#drivers/redfish/wire/session-store.ts";
import { createAllocations } from "#engine/allocations.ts";
import type { Journal } from "#journal/journal.ts";
import type { SecretStore } from "#journal/secrets.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { createDirectory } from "#projections/directory.ts";
import type { ClusterEnvironment } from "#workflows/cluster/kit.ts";
import type { ServerEnvironment } from "#workflows/server/kit.ts";
import type { VmEnvironment } from "#workflows/vm/kit.ts";

/** Everything that a step of any workflow may ask of the world. */
export type WorldPorts = ServerEnvironment["ports"] &
  ClusterEnvironment["ports"] &
  VmEnvironment["ports"] & { readonly allocations: ReturnType<typeof createAllocations> };

export interface WorldOptions {
  readonly database: Database;
  readonly journal: Journal;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Redfish sessions, as all processes on this database know them. */
  readonly sessions: SessionStore;
  readonly sharesSessions: boolean;
  /** Calls to one BMC at the same time, over all processes. */
  readonly bmcConcurrency: number;
  readonly configDriveUrl: (run: string) => string;
  readonly region: string;
  /** Null: there is no management cluster. */
  readonly kubeconfig: KubeconfigSource | null;
}

export interface World {
  readonly ports: WorldPorts;
  /** Null: there is no management cluster. */
  readonly kubernetes: Kubernetes | null;
  close(): Promise<void>;
}

/** Opens the drivers. Nothing is connected to before it is asked. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { database, secrets, clock, log } = options;
  const random = Math.random;
  const kubernetes =
    options.kubeconfig === null
      ? null
      : await createKubernetes({
          kubeconfig: options.kubeconfig,
          clock,
          log,
          random,
          reveal: (secret) => secrets.reveal(secret),
        });
  const bmc = createRedfish({
    reveal: async (secret) =>
      JSON.parse(await secrets.reveal(secret)) as { username: string; password: string },
    sessions: options.sessions,
    sharesSessions: options.sharesSessions,
    gate: createGate({
      slots: options.bmcConcurrency,
      locks: database.shared ? database : null,
      clock,
      random,
    }),
    clock,
    random,
    log,
  });
  const reveal = (secret: string): Promise<string> => secrets.reveal(secret);
  return {
    ports: {
      bmc,
      secrets,
      images: createImages(),
      configDrive: createConfigDrivePort(options.configDriveUrl),
      directory: createDirectory(database),
      allocations: createAllocations({
        database,
        journal: options.journal,
        clock,
        random,
        region: options.region,
      }),
      ...(kubernetes === null
        ? {
            clusters: { "cluster-api": notConfigured(), k0rdent: notConfigured() },
            vms: notConfigured(),
            hosts: notConfigured(),
            hostPool: notConfigured(),
          }
        : {
            clusters: kubernetes.clusters,
            vms: kubernetes.vms,
            hosts: createMetal3({ clients: kubernetes.clients, reveal }),
            hostPool: createHostPool(kubernetes.clients),
          }),
    },
    kubernetes,
    async close() {
      kubernetes?.close();
      await bmc.close();
    },
  };
}

/** A port behind which there is nothing: a run of before the configuration was taken away ends with a reason. */
const notConfigured = <Port extends object>(): Port =>
  new Proxy({} as Port, {
    get: () => async () => {
      throw new Failure(
        "KUBERNETES_REJECTED",
        "no management cluster is configured: set MILLWRIGHT_KUBECONFIG",
        { details: { reason: "not-configured" } },
      );
    },
  });
