import type { Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import type { KubeconfigSource } from "#drivers/kubernetes/options.ts";
import { createSessionTable } from "#drivers/redfish/wire/session-table.ts";
import { clusterTable } from "#domain/cluster/row.ts";
import { poolTable } from "#domain/pool/row.ts";
import { serverTable } from "#domain/server/row.ts";
import { vmTable } from "#domain/vm/row.ts";
import { bindPool, bindResource, type ResourceBindings } from "#engine/resources.ts";
import { claimInstallation } from "#journal/installation.ts";
import { openJournal, type OpenJournal } from "#journal/postgres-journal.ts";
import { openSecrets, type SecretStore } from "#journal/secrets.ts";
import { type Cipher, createCipher } from "#platform/cipher.ts";
import type { Clock } from "#platform/clock.ts";
import type { Config } from "#platform/config.ts";
import type { Database } from "#platform/database.ts";
import { createIds, type Ids } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";
import { type MachineAddresses, machineAddresses } from "./config-drive.ts";
import { sharedClock } from "./open-database.ts";
import { openWorld, type WorldPorts } from "./world.ts";

/**
 * What every process that carries out steps is made of, whether it is the control plane or a worker of the engine
 * `trigger`: the journal, the secrets, and the ports to the world.
 */
export interface Foundation {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly cipher: Cipher;
  readonly journal: OpenJournal;
  readonly secrets: SecretStore;
  readonly addresses: MachineAddresses;
  readonly ports: WorldPorts;
  /** Null: no management cluster is configured. */
  readonly kubernetes: Kubernetes | null;
}

export interface FoundationOptions {
  readonly config: Config;
  readonly log: Log;
  /** Migrated. */
  readonly database: Database;
  readonly secretKey: string;
  /** How machines reach the API, asked when one is told. */
  readonly publicUrl: () => string;
  readonly kubeconfig: KubeconfigSource | null;
}

export const resourceBindings: ResourceBindings = {
  server: bindResource(serverTable),
  cluster: bindResource(clusterTable),
  vm: bindResource(vmTable),
  pool: bindPool(poolTable),
};

/**
 * `undo` collects how to close what was opened, in the order of opening. A process whose secret key is not the
 * database's is refused before it can take any work.
 */
export async function openFoundation(
  { config, log, database, secretKey, publicUrl, kubeconfig }: FoundationOptions,
  undo: (() => unknown)[],
): Promise<Foundation> {
  const cipher = createCipher(secretKey);
  await claimInstallation(database, cipher);
  const { clock, stop: stopClock } = await sharedClock(database);
  undo.push(stopClock);
  const journal = await openJournal(database);
  undo.push(() => journal.close());
  const ids = createIds(() => clock.now());
  const secrets = openSecrets(database, cipher, { clock, ids });
  const addresses = machineAddresses(cipher, publicUrl);
  const world = await openWorld({
    database,
    journal,
    secrets,
    clock,
    log,
    sessions: createSessionTable(database, cipher),
    sharesSessions: database.shared,
    bmcConcurrency: config.MILLWRIGHT_BMC_CONCURRENCY,
    configDriveUrl: addresses.driveUrl,
    kubeconfig,
    region: config.MILLWRIGHT_REGION,
  });
  undo.push(() => world.close());
  const { ports, kubernetes } = world;
  return { database, clock, ids, cipher, journal, secrets, addresses, ports, kubernetes };
}
