import { Registry } from "prom-client";
import { kindOf, WorkflowRegistry } from "#engine/registry.ts";
import { createApi } from "#http/api.ts";
import { createApiKeys } from "#http/api-keys.ts";
import { serveApi } from "#http/serve.ts";
import type { KubeconfigSource } from "#drivers/kubernetes/options.ts";
import { maintain } from "#journal/maintain.ts";
import { migrate } from "#journal/migrate.ts";
import type { Config } from "#platform/config.ts";
import type { Log } from "#platform/log.ts";
import { createClusterReader, createVmReader } from "#projections/compute-reader.ts";
import { createEventReader } from "#projections/event-reader.ts";
import { createPoolReader } from "#projections/pool-reader.ts";
import { createRunReader } from "#projections/run-reader.ts";
import { createServerReader } from "#projections/server-reader.ts";
import { workflows } from "#workflows/registry.ts";
import type { RunningEngine } from "#engine/running-engine.ts";
import { openBridgeOf } from "./bridge.ts";
import { readConfigDrive } from "./config-drive.ts";
import { tendStrandedServers } from "./stranded-servers.ts";
import { createEngine, engineRunUrl } from "./create-engine.ts";
import { engineMetrics } from "./engine-metrics.ts";
import { openFoundation } from "./foundation.ts";
import { healthOf } from "./health.ts";
import { ensureAdminKey, secretKeyOf, type AdminKey } from "./keys.ts";
import { watchManagementClusters } from "./management-clusters.ts";
import { openStorage, type Storage } from "./open-database.ts";
import { portRefused } from "./refused.ts";
import { VERSION } from "./version.ts";

/** The control plane, put together: the only place where every room is known. */

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
  /** Where management clusters are; null: there are none. */
  readonly kubeconfig: KubeconfigSource | null;
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
  { config, log, pace, kubeconfig, storage }: ControlPlaneOptions,
  undo: (() => unknown)[],
  closeAll: () => Promise<void>,
): Promise<ControlPlane> {
  const { dir, database } = await (storage ?? openStorage(config));
  undo.push(() => database.close());
  await migrate(database);
  // The address is known only when the server listens; machines are told it later than that.
  let listening: string | null = null;
  const foundation = await openFoundation(
    {
      config,
      log,
      database,
      secretKey: secretKeyOf(config, dir),
      publicUrl: () => config.MILLWRIGHT_PUBLIC_URL ?? listening ?? "",
      kubeconfig,
    },
    undo,
  );
  const { clock, ids, cipher, journal, secrets, addresses } = foundation;
  undo.push(maintain({ database, secrets, clock, log }));

  const keys = createApiKeys({ db: database, ids, now: () => clock.now() });
  const adminKey = await ensureAdminKey({ config, dir, database, keys });

  if (database.kind === "pglite" && database.shared) {
    const bridge = await openBridgeOf({ config, log, database, cipher });
    undo.push(() => bridge.close());
  }

  const { owner, dead, release } = dir.claimOwner();
  undo.push(release);
  const engine = await createEngine({ config, log, pace, owner, foundation });

  undo.push(tendStrandedServers(foundation.ports.allocations, log));
  const kubernetes =
    foundation.kubernetes === null
      ? null
      : watchManagementClusters(foundation.kubernetes, { config, clock, log });
  undo.push(() => kubernetes?.stop());

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
      trouble: () => engine.trouble,
      engineRunUrl: (run) => engineRunUrl(config, run),
    }),
    servers: createServerReader(database, () => clock.now()),
    clusters: createClusterReader(database, () => clock.now()),
    vms: createVmReader(database, () => clock.now()),
    kubernetes,
    pools: createPoolReader(database, () => clock.now()),
    events: createEventReader(database, journal, () => clock.now()),
    auth: (token) => keys.authenticate(token),
    seal: async (text) => ({ id: ids.secret(), sealed: cipher.seal(text) }),
    reveal: (id) => secrets.reveal(id),
    renewSecret: (id, text) => secrets.renew(id, text),
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
  const place = { host: config.MILLWRIGHT_HOST, port: config.MILLWRIGHT_PORT };
  const server = await serveApi(api, place).catch((error: unknown) => {
    throw portRefused(error, place);
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

const stopEngine = (engine: RunningEngine): Promise<void> => engine.stop(STOP_PATIENCE_MS);
