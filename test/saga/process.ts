import { bindResource } from "#engine/resources.ts";
import { type EmbeddedEngine, createEmbeddedEngine } from "#engine/embedded.ts";
import type { Workflow } from "#engine/kit.ts";
import { serverTable } from "#domain/server/row.ts";
import { createImages } from "#drivers/images/images.ts";
import type { Ports } from "#drivers/ports.ts";
import { createRedfish } from "#drivers/redfish/redfish.ts";
import { createGate } from "#drivers/redfish/wire/gate.ts";
import type { SessionStore } from "#drivers/redfish/wire/session-store.ts";
import { type OpenJournal, openJournal } from "#journal/postgres-journal.ts";
import { type SecretStore, openSecrets } from "#journal/secrets.ts";
import type { Cipher } from "#platform/cipher.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Ids } from "#platform/ids.ts";
import { createDirectory } from "#projections/directory.ts";

/**
 * What one process of a control plane is made of, without its doors: an engine and a Redfish driver on a database that
 * it may share with others.
 */
export interface EngineProcess {
  readonly engine: EmbeddedEngine;
  readonly journal: OpenJournal;
  readonly secrets: SecretStore;
  readonly ports: Ports;
  /** Lets slices reach their next commit for so long. */
  stop(patienceMs?: number): Promise<void>;
}

export interface ProcessOptions {
  readonly database: Database;
  readonly cipher: Cipher;
  readonly ids: Ids;
  /** Shared by all processes, as the table in the database is. */
  readonly sessions: SessionStore;
  readonly configDriveUrl: (run: string) => string;
  readonly workflows: readonly Workflow[];
  /** What every declared time is divided by. */
  readonly pace: number;
  readonly owner: string;
}

export const resources = { server: bindResource(serverTable) };

export async function openProcess(options: ProcessOptions): Promise<EngineProcess> {
  const { database, cipher, ids } = options;
  const clock = systemClock;
  const journal = await openJournal(database);
  const secrets = openSecrets(database, cipher, { clock, ids });
  const bmc = createRedfish({
    reveal: async (id) =>
      JSON.parse(await secrets.reveal(id)) as { username: string; password: string },
    sessions: options.sessions,
    sharesSessions: true,
    gate: createGate({
      slots: 2,
      locks: database.shared ? database : null,
      clock,
      random: Math.random,
    }),
    clock,
    random: Math.random,
    log: () => undefined,
  });
  const ports: Ports = {
    bmc,
    secrets,
    images: createImages(),
    configDrive: { url: options.configDriveUrl },
    directory: createDirectory(database),
  };
  const engine = createEmbeddedEngine({
    database,
    journal,
    workflows: options.workflows,
    resources,
    ports,
    clock,
    ids,
    random: Math.random,
    log: (level, event, fields) => {
      if (level === "error") process.stderr.write(`${event} ${String(fields?.["error"])}\n`);
    },
    region: "local",
    pace: options.pace,
    owner: options.owner,
    concurrency: 8,
    // A process that died is known to be dead; one that is starved by other tests is not to be taken for it.
    leaseMs: 60_000,
  });
  return {
    engine,
    journal,
    secrets,
    ports,
    async stop(patienceMs = 2_000) {
      await engine.stop(patienceMs);
      await bmc.close();
      await journal.close();
    },
  };
}
