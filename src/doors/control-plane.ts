import { Registry } from "prom-client";
import { createEmbeddedEngine, type EmbeddedEngine } from "#engine/embedded.ts";
import { bindResource, type ResourceBindings } from "#engine/resources.ts";
import { kindOf, WorkflowRegistry } from "#engine/registry.ts";
import { createConfigDrivePort } from "#drivers/config-drive/config-drive.ts";
import { createImages } from "#drivers/images/probe.ts";
import type { Ports } from "#drivers/ports.ts";
import { createRedfish } from "#drivers/redfish/redfish.ts";
import { createGate } from "#drivers/redfish/wire/gate.ts";
import { createSessionTable } from "#drivers/redfish/wire/session-table.ts";
import { serverTable } from "#domain/server/row.ts";
import { createApi } from "#http/api.ts";
import { createApiKeys } from "#http/api-keys.ts";
import { serveApi } from "#http/serve.ts";
import { maintain } from "#journal/maintain.ts";
import { migrate } from "#journal/migrate.ts";
import { openJournal } from "#journal/postgres-journal.ts";
import { openSecrets } from "#journal/secrets.ts";
import { createCipher } from "#platform/cipher.ts";
import type { Config } from "#platform/config.ts";
import { createIds } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";
import { createDirectory } from "#projections/directory.ts";
import { createEventReader } from "#projections/event-reader.ts";
import { createRunReader } from "#projections/run-reader.ts";
import { createServerReader } from "#projections/server-reader.ts";
import { workflows } from "#workflows/registry.ts";
import { machineAddresses, readConfigDrive } from "./config-drive.ts";
import { engineMetrics } from "./engine-metrics.ts";
import { healthOf } from "./health.ts";
import { ensureAdminKey, secretKeyOf, type AdminKey } from "./keys.ts";
import { openStorage, sharedClock, type Storage } from "./open-database.ts";
import { VERSION } from "./version.ts";

/** The control plane, put together: the only place where every room is known. */

export const resourceBindings: ResourceBindings = { server: bindResource(serverTable) };

export interface ControlPlane {
  readonly url: string;
  readonly adminKey: AdminKey;
  readonly database: "pglite" | "postgres";
  /** Stops taking work, lets slices reach their next commit, ends sessions with BMCs, closes the database. */
  stop(): Promise<void>;
}

const STOP_PATIENCE_MS = 10_000;

export interface ControlPlaneOptions {
  readonly config: Config;
  readonly log: Log;
  /** What declared times are divided by: the configured pace, or the speed of the lab that is used. */
  readonly pace: number;
  /** Being opened already; otherwise it is opened now. Closed with the control plane either way. */
  readonly storage?: Promise<Storage>;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const undo: (() => unknown)[] = [];
  // What was opened is closed again, last first, when something further on cannot be.
  const closeAll = async (): Promise<void> => {
    for (const close of undo.toReversed()) await close();
    undo.length = 0;
  };
  try {
    return await open(options, undo, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function open(
  { config, log, pace, storage }: ControlPlaneOptions,
  undo: (() => unknown)[],
  closeAll: () => Promise<void>,
): Promise<ControlPlane> {
  const { dir, database } = await (storage ?? openStorage(config));
  undo.push(() => database.close());
  await migrate(database);
  const { clock, stop: stopClock } = await sharedClock(database);
  undo.push(stopClock);

  const journal = await openJournal(database);
  undo.push(() => journal.close());
  const ids = createIds(() => clock.now());
  const cipher = createCipher(secretKeyOf(config, dir));
  const secrets = openSecrets(database, cipher, clock);
  undo.push(maintain({ database, secrets, clock, log }));

  const keys = createApiKeys({ db: database, ids, now: () => clock.now() });
  const adminKey = await ensureAdminKey({ config, dir, database, keys });

  // The address is known only when the server listens; machines are told it later than that.
  let listening: string | null = null;
  const addresses = machineAddresses(cipher, () => config.MILLWRIGHT_PUBLIC_URL ?? listening ?? "");

  const bmc = createRedfish({
    reveal: async (secret) =>
      JSON.parse(await secrets.reveal(secret)) as { username: string; password: string },
    sessions: createSessionTable(database, cipher),
    sharesSessions: database.kind === "postgres",
    gate: createGate({
      slots: config.MILLWRIGHT_BMC_CONCURRENCY,
      locks: database.kind === "postgres" ? database : null,
      clock,
      random: Math.random,
    }),
    clock,
    random: Math.random,
    log,
  });
  undo.push(() => bmc.close());
  const ports: Ports = {
    bmc,
    secrets,
    images: createImages(),
    configDrive: createConfigDrivePort(addresses.driveUrl),
    directory: createDirectory(database),
  };

  const { owner, dead, release } = dir.claimOwner();
  undo.push(release);
  const engine = createEmbeddedEngine({
    database,
    journal,
    workflows,
    resources: resourceBindings,
    ports,
    clock,
    ids,
    random: Math.random,
    log,
    region: config.MILLWRIGHT_REGION,
    pace,
    owner,
    concurrency: config.MILLWRIGHT_CONCURRENCY,
    leaseMs: config.MILLWRIGHT_LEASE_MS,
  });

  const registry = new Registry();
  engineMetrics({ registry, engine, database });
  const known = new Set(new WorkflowRegistry(workflows).kinds);
  const api = createApi({
    engine,
    runs: createRunReader({
      db: database,
      onCommit: (listener) => journal.onCommit(listener),
      now: () => clock.now(),
      engine: config.MILLWRIGHT_ENGINE,
      knows: (type, version) => known.has(kindOf(type, version)),
    }),
    servers: createServerReader(database, () => clock.now()),
    events: createEventReader(database, journal, () => clock.now()),
    auth: (token) => keys.authenticate(token),
    seal: async (text) => ({ id: ids.secret(), sealed: cipher.seal(text) }),
    fingerprint: (text) => cipher.token(`request ${text}`),
    region: config.MILLWRIGHT_REGION,
    log,
    now: () => clock.now(),
    ids,
    health: () => healthOf({ database, engine, now: () => clock.now() }),
    registry,
    verifyCallback: addresses.verify,
    configDrive: readConfigDrive({ journal, secrets, addresses }),
    version: VERSION,
  });
  const server = await serveApi(api, {
    host: config.MILLWRIGHT_HOST,
    port: config.MILLWRIGHT_PORT,
  });
  listening = server.url;
  undo.push(() => server.close());
  await engine.run(dead);
  release();
  undo.push(() => stopEngine(engine));
  log("info", "ready", {
    url: server.url,
    database: database.kind,
    owner,
    pace,
    recovered: dead.length,
  });
  return { url: server.url, adminKey, database: database.kind, stop: closeAll };
}

const stopEngine = (engine: EmbeddedEngine): Promise<void> => engine.stop(STOP_PATIENCE_MS);
