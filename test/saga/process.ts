import { type EmbeddedEngine, createEmbeddedEngine } from "#engine/embedded.ts";
import type { Workflow } from "#engine/kit.ts";
import { resourceBindings } from "#doors/foundation.ts";
import { openWorld, type WorldPorts } from "#doors/world.ts";
import type { SessionStore } from "#drivers/redfish/wire/session-store.ts";
import { type OpenJournal, openJournal } from "#journal/postgres-journal.ts";
import { type SecretStore, openSecrets } from "#journal/secrets.ts";
import type { Cipher } from "#platform/cipher.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Ids } from "#platform/ids.ts";

/**
 * What one process of a control plane is made of, without its doors: an engine and the drivers on a database that
 * it may share with others.
 */
export interface EngineProcess {
  readonly engine: EmbeddedEngine;
  readonly journal: OpenJournal;
  readonly secrets: SecretStore;
  readonly ports: WorldPorts;
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
  /** Of the lab's cluster; null: the lab has none. */
  readonly kubeconfig: string | null;
}

export async function openProcess(options: ProcessOptions): Promise<EngineProcess> {
  const { database, cipher, ids } = options;
  const clock = systemClock;
  const journal = await openJournal(database);
  const secrets = openSecrets(database, cipher, { clock, ids });
  const world = await openWorld({
    database,
    journal,
    secrets,
    clock,
    log: () => undefined,
    sessions: options.sessions,
    sharesSessions: true,
    bmcConcurrency: 2,
    configDriveUrl: options.configDriveUrl,
    kubeconfig: options.kubeconfig === null ? null : { text: options.kubeconfig },
    region: "local",
  });
  const { ports } = world;
  const engine = createEmbeddedEngine({
    database,
    journal,
    workflows: options.workflows,
    resources: resourceBindings,
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
      await world.close();
      await journal.close();
    },
  };
}
