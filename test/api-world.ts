import { Registry } from "prom-client";
import type { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { SecretId } from "#contract/ids.ts";
import {
  ServerInspectInput,
  ServerLifecycleInput,
  ServerProvisionInput,
  ServerRegisterInput,
} from "#contract/server-inputs.ts";
import type { ServerFact } from "#contract/server.ts";
import { poolTable } from "#domain/pool/row.ts";
import { serverTable } from "#domain/server/row.ts";
import type { ServerState } from "#domain/server/state.ts";
import { type EmbeddedEngine, createEmbeddedEngine } from "#engine/embedded.ts";
import { type Wait, nothing, wait, workflowKit } from "#engine/kit.ts";
import { computeBindings, computeWorkflows } from "#test/compute-workflows.ts";
import { bindPool, bindResource } from "#engine/resources.ts";
import { type Api, createApi } from "#http/api.ts";
import { createApiKeys } from "#http/api-keys.ts";
import type { ApiDependencies, HealthCheck } from "#http/dependencies.ts";
import { migrate } from "#journal/migrate.ts";
import { type OpenJournal, openJournal } from "#journal/postgres-journal.ts";
import { createCipher, generateSecretKey } from "#platform/cipher.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createIds } from "#platform/ids.ts";
import { openSecrets } from "#journal/secrets.ts";
import { heardOf } from "./cluster-offers.ts";
import { openMemoryDatabase } from "./memory-database.ts";
import { createClusterReader, createVmReader } from "#projections/compute-reader.ts";
import { createEventReader } from "#projections/event-reader.ts";
import { createPoolReader } from "#projections/pool-reader.ts";
import { createRunReader } from "#projections/run-reader.ts";
import { createServerReader } from "#projections/server-reader.ts";

/**
 * The whole API on the real engine, journal and embedded database in memory, with workflows on servers whose one
 * step does as the test says. Requests go to `app.request()`: no port is opened.
 */

/** What the step `act` of every workflow does: ends, waits until told otherwise, or fails. */
export type Behaviour = "end" | "wait" | "fail";

interface WorldPorts {
  behaviour: Behaviour;
  /** Keeps what a step has made, as the journal's secrets do. */
  keep(place: { readonly owner: string; readonly name: string }, text: string): Promise<SecretId>;
}

const workflow = workflowKit<{ ports: WorldPorts; resource: ServerState; fact: ServerFact }>();

async function act(context: {
  readonly ports: WorldPorts;
  readonly signals: Readonly<Record<string, unknown>>;
}): Promise<void | Wait> {
  if (context.signals["installer"] !== undefined) return;
  switch (context.ports.behaviour) {
    case "end":
      return;
    case "wait":
      return wait("the test has not said go", { for: "20s", wakesOn: "the installer's call-back" });
    case "fail":
      throw new Failure("BMC_REJECTED", "the machine says no");
  }
}

const onServer = ({ input }: { readonly input: { readonly serverId: string } }) => ({
  type: "server" as const,
  id: input.serverId,
});
const head = <Input extends { readonly serverId: string }>(input: z.ZodType<Input>) => ({
  version: 1,
  summary: "Does as the test says.",
  input,
  resource: onServer,
  onFailure: "undo" as const,
});
const look = {
  expected: "1s" as const,
  undo: nothing("looking changes nothing"),
  run: async () => undefined,
};

const workflows = [
  ...computeWorkflows,
  workflow("server.register", head(ServerRegisterInput))
    .step("connect", look)
    .step("act", {
      expected: "10s",
      run: act,
      undo: async ({ fact }) => fact({ type: "server.registration_undone", data: {} }),
    })
    .step("create-record", {
      expected: "1s",
      undo: nothing("the record goes with the step before"),
      run: async ({ fact }) => fact({ type: "server.registered", data: {} }),
    })
    .result(({ input }) => ({ serverId: input.serverId })),
  workflow("server.inspect", head(ServerInspectInput))
    .step("act", { expected: "10s", run: act, undo: nothing("reads") })
    .result(() => ({})),
  workflow("server.provision", head(ServerProvisionInput))
    .step("validate", look)
    .pivot("the installer overwrites the disk")
    .step("act", { expected: "10s", run: act })
    .result(() => ({})),
  workflow("server.lifecycle", head(ServerLifecycleInput))
    .step("validate", look)
    .pivot("a power action cannot be taken back")
    .step("act", { expected: "10s", run: act })
    .result(() => ({})),
];

const binding = bindResource<ServerState, ServerFact>(serverTable);

export const adminKey = "mk_admin-0123456789abcdef";
export const otherKey = "mk_other-0123456789abcdef";

export interface LoggedLine {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface ApiWorld {
  readonly api: Api;
  readonly deps: ApiDependencies;
  readonly db: Database;
  readonly journal: OpenJournal;
  readonly engine: EmbeddedEngine;
  readonly ports: WorldPorts;
  readonly log: LoggedLine[];
  readonly health: { checks: HealthCheck[] };
  /** A request with the admin's key; `body` is sent as JSON. */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>;
  /** The same, and the answer's body. */
  read(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** Registers a server and waits until it is `registered`; the ids. */
  registered(): Promise<{ serverId: string; runId: string }>;
  /** Makes a pool with a list of servers, none without; its id. */
  listPool(name: string, members?: readonly string[]): Promise<string>;
  callbackToken(run: string): string;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly success: boolean;
    readonly data: unknown;
    readonly error: { code: string; message: string; details: { fields: Record<string, string> } };
    readonly meta: Record<string, unknown>;
  };
}

const compute = "/v1/regions/local/projects/default/compute";
export const clustersPath = `${compute}/clusters`;
export const vmsPath = `${compute}/vms`;
const infrastructure = "/v1/regions/local/projects/default/infrastructure";
export const serversPath = `${infrastructure}/servers`;
export const poolsPath = `${infrastructure}/pools`;

let lastAddress = 0;
/** A registration that is accepted; every call another machine. */
export const newServerBody = (): Record<string, unknown> => {
  lastAddress += 1;
  return {
    bmcAddress: `bmc-${lastAddress}.example`,
    username: "root",
    password: "a password",
    inspect: false,
  };
};

export async function openApiWorld(overrides: Partial<ApiDependencies> = {}): Promise<ApiWorld> {
  const db = await openMemoryDatabase();
  await migrate(db);
  const journal = await openJournal(db);
  const { now } = systemClock;
  const ids = createIds(now);
  const cipher = createCipher(generateSecretKey());
  const secrets = openSecrets(db, cipher, { clock: systemClock, ids });
  const ports: WorldPorts = {
    behaviour: "end",
    keep: (place, text) => secrets.keep(place, text),
  };
  const log: LoggedLine[] = [];
  const engine = createEmbeddedEngine({
    database: db,
    journal,
    workflows,
    resources: { server: binding, pool: bindPool(poolTable), ...computeBindings },
    ports,
    clock: systemClock,
    ids,
    random: () => 0.5,
    log: () => undefined,
    region: "local",
    pace: 100,
    owner: "test/0",
    concurrency: 8,
    leaseMs: 5_000,
  });
  await engine.run([]);
  const keys = createApiKeys({ db, ids, now });
  await keys.ensure({ name: "admin", key: adminKey, role: "super_admin" });
  await keys.ensure({ name: "other", key: otherKey, role: "super_admin" });
  const health: ApiWorld["health"] = { checks: [{ name: "database", ok: true }] };
  const callbackToken = (run: string): string => cipher.token(`callback ${run}`);
  const drive = new Uint8Array(5_000).map((_, index) => index % 251);
  const deps: ApiDependencies = {
    engine,
    runs: createRunReader({
      db,
      onCommit: (listener) => journal.onCommit(listener),
      now,
      engine: "embedded",
      knows: (type, version) =>
        workflows.some((each) => each.type === type && each.version === version),
    }),
    servers: createServerReader(db, now),
    clusters: createClusterReader(db, now),
    vms: createVmReader(db, now),
    kubernetes: heardOf,
    pools: createPoolReader(db, now),
    events: createEventReader(db, journal, now),
    auth: (token) => keys.authenticate(token),
    seal: async (text) => ({ id: ids.secret(), sealed: cipher.seal(text) }),
    reveal: (id) => secrets.reveal(id),
    renewSecret: (id, text) => secrets.renew(id, text),
    fingerprint: (text) => cipher.token(text),
    region: "local",
    log: (level, event, fields = {}) => log.push({ level, event, fields }),
    now,
    ids,
    health: async () => health.checks,
    registry: new Registry(),
    verifyCallback: (run, token) => cipher.verifies(`callback ${run}`, token),
    configDrive: async (run, token) => (cipher.verifies(`callback ${run}`, token) ? drive : null),
    version: "0.0.0",
    ...overrides,
  };
  const api = createApi(deps);

  const ask: ApiWorld["ask"] = async (method, path, { body, headers = {}, key = adminKey } = {}) =>
    api.app.request(path, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const read: ApiWorld["read"] = async (method, path, options) => {
    const response = await ask(method, path, options);
    const { status, headers } = response;
    return { status, headers, body: (await response.json()) as Answer["body"] };
  };
  return {
    api,
    deps,
    db,
    journal,
    engine,
    ports,
    log,
    health,
    ask,
    read,
    async registered() {
      const { status, body } = await read("POST", serversPath, {
        body: newServerBody(),
        headers: { prefer: "wait=30" },
      });
      if (status !== 200) throw new Error(`registration: ${status} ${JSON.stringify(body)}`);
      const { id } = body.data as { readonly id: string };
      return { serverId: id, runId: String(body.meta["workflowId"]) };
    },
    async listPool(name, members = []) {
      const { status, body } = await read("POST", poolsPath, { body: { name, members } });
      if (status !== 201) throw new Error(`pool: ${status} ${JSON.stringify(body)}`);
      return (body.data as { readonly id: string }).id;
    },
    callbackToken,
    async close() {
      api.release();
      await engine.stop(1_000);
      await journal.close();
      await db.close();
    },
  };
}

/** Asks again until the answer is as wanted; gives up after ten seconds. */
export async function eventually<Value>(
  ask: () => Promise<Value>,
  wanted: (value: Value) => boolean,
): Promise<Value> {
  const giveUpAt = Date.now() + 10_000;
  for (;;) {
    const value = await ask();
    if (wanted(value)) return value;
    if (Date.now() > giveUpAt) throw new Error(`still ${JSON.stringify(value)}`);
    await systemClock.sleep(10);
  }
}
