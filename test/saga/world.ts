import { randomBytes } from "node:crypto";
import type { RunId, SecretId, ServerId } from "#contract/ids.ts";
import type { WorkflowType } from "#contract/run.ts";
import {
  ProvisionServerBody,
  RegisterServerBody,
  ServerLifecycleBody,
} from "#contract/server-requests.ts";
import type { LifecycleAction } from "#contract/server.ts";
import { lifecycleInput, provisionInput, registerInput } from "#domain/server/run-inputs.ts";
import { serverTable } from "#domain/server/row.ts";
import type { ServerState } from "#domain/server/state.ts";
import { createMemorySessionStore } from "#drivers/redfish/wire/session-store.ts";
import type { EmbeddedEngine } from "#engine/embedded.ts";
import type { Workflow } from "#engine/kit.ts";
import type { SealedSecret } from "#engine/requests.ts";
import type { RunState } from "#engine/run-state.ts";
import { foldRun } from "#engine/run-stream.ts";
import { migrate } from "#journal/migrate.ts";
import { createCipher } from "#platform/cipher.ts";
import { systemClock } from "#platform/clock.ts";
import { createIds } from "#platform/ids.ts";
import { openMemoryDatabase } from "#test/memory-database.ts";
import { type Door, openDoor } from "./door.ts";
import { place } from "./hosts.ts";
import { type LabBmc, type LabProcess, startLabProcess } from "./lab-process.ts";
import { type EngineProcess, openProcess } from "./process.ts";

/**
 * The server workflows on everything real: the engine and its database, the Redfish driver, a lab in a process of its
 * own. Only the doors are missing; in their place stands a small one for config drives and call-backs.
 */
export interface World {
  readonly lab: LabProcess;
  readonly engine: EmbeddedEngine;
  /** Starts a run without waiting for it. */
  start(workflow: WorkflowType, input: unknown, secrets?: readonly SealedSecret[]): Promise<RunId>;
  run(id: RunId): Promise<RunState>;
  until(id: RunId, condition: (run: RunState) => boolean): Promise<RunState>;
  /** The run once it is at rest. */
  ended(id: RunId): Promise<RunState>;
  /** The server folded from its stream; null when there is none. */
  server(id: ServerId): Promise<ServerState | null>;
  facts(id: ServerId): Promise<readonly string[]>;
  locks(): Promise<readonly string[]>;
  /** How many secrets belong to the server. */
  secretsOf(id: ServerId): Promise<number>;
  secret(text: string): SealedSecret;
  register(bmc: LabBmc, more?: object): Promise<{ readonly id: ServerId; readonly run: RunId }>;
  provision(id: ServerId, more?: object): Promise<RunId>;
  lifecycle(id: ServerId, action: LifecycleAction, more?: object): Promise<RunId>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** Of the lab. */
  readonly speed: number;
  /** Of the engine: less than the lab's speed leaves room for a machine that is busy with other tests. */
  readonly pace: number;
  readonly servers: number;
  readonly namedFaults?: boolean;
  readonly workflows: readonly Workflow[];
}

const by = { actor: "tester" };

export async function openWorld(options: WorldOptions): Promise<World> {
  const lab = await startLabProcess(options);
  const database = await openMemoryDatabase();
  await migrate(database);
  const clock = systemClock;
  const ids = createIds(() => clock.now());
  const cipher = createCipher(randomBytes(32).toString("base64"));
  const plane: EngineProcess = await openProcess({
    database,
    cipher,
    ids,
    sessions: createMemorySessionStore(),
    configDriveUrl: (run) => door.addresses.driveUrl(run),
    workflows: options.workflows,
    pace: options.pace,
    owner: "saga/0",
    kubeconfig: lab.kubeconfig,
  });
  const { engine, journal, secrets } = plane;
  const door: Door = await openDoor({
    journal,
    secrets,
    cipher,
    signal: (run, name, data) => engine.signal(run, name, data),
  });
  await engine.run([]);

  const run = async (id: RunId): Promise<RunState> => {
    const state = foldRun(id, await journal.read(id));
    if (state === null) throw new Error(`there is no ${id}`);
    return state;
  };
  const until: World["until"] = async (id, condition) => {
    const giveUpAt = Date.now() + 120_000;
    for (;;) {
      const state = await run(id);
      if (condition(state)) return state;
      if (Date.now() > giveUpAt)
        throw new Error(`gave up waiting for ${id}: ${JSON.stringify({ ...state, outputs: 0 })}`);
      await clock.sleep(10);
    }
  };
  const secret = (text: string): SealedSecret => ({ id: ids.secret(), sealed: cipher.seal(text) });
  const start: World["start"] = async (workflow, input, sealed = []) => {
    const isNew = workflow === "server.register";
    const accepted = await engine.start({
      workflow,
      input,
      project: "default",
      source: "atlas",
      by,
      secrets: sealed,
      ...(isNew && { facts: [] }),
    });
    return accepted.run.id;
  };
  const server: World["server"] = async (id) => {
    const rows = await database.query<Record<string, unknown>>(
      "select body, inventory from servers where id = $1",
      [id],
    );
    return rows[0] === undefined ? null : serverTable.fromRow(rows[0]);
  };
  const image = lab.images.find(({ format }) => format === "iso");

  return {
    lab,
    engine,
    start,
    run,
    until,
    ended: (id) => until(id, (state) => state.phase === "ended"),
    server,
    facts: async (id) => (await journal.read(id)).map(({ type }) => type),
    locks: async () =>
      (await database.query<{ resource: string }>("select resource from locks")).map(
        ({ resource }) => resource,
      ),
    async secretsOf(id) {
      const owned = await database.query("select id from secrets where owner = $1", [id]);
      return owned.length;
    },
    secret,
    async register({ address, username, password }, more = {}) {
      const body = RegisterServerBody.parse({
        bmcAddress: address,
        username,
        password,
        ...more,
      });
      const sealed = secret(JSON.stringify({ username, password }));
      const id = ids.server();
      const host = body.provisioner === "metal3" ? place : null;
      const home = { serverId: id, region: "local", project: "default", host };
      const input = registerInput({ body, credentials: sealed.id, ...home });
      return { id, run: await start("server.register", input, [sealed]) };
    },
    async provision(id, more = {}) {
      const body = ProvisionServerBody.parse({
        image: { url: image?.url, format: "iso" },
        ...more,
      });
      const sealed = [body.userData, body.networkData].map((text) =>
        text === undefined ? null : secret(text),
      );
      const [userData, networkData] = sealed.map((each): SecretId | null => each?.id ?? null);
      const input = provisionInput({
        body,
        serverId: id,
        userData: userData ?? null,
        networkData: networkData ?? null,
      });
      const kept = sealed.filter((each) => each !== null);
      return start("server.provision", input, kept);
    },
    async lifecycle(id, action, more = {}) {
      const body = ServerLifecycleBody.parse({ action, ...more });
      const state = await server(id);
      if (state === null) throw new Error(`there is no ${id}`);
      return start("server.lifecycle", lifecycleInput({ body, server: state }));
    },
    async stop() {
      await plane.stop();
      await door.close();
      await database.close();
      await lab.stop();
    },
  };
}
