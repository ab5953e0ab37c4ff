import { randomBytes, randomUUID } from "node:crypto";
import type { RunId, SecretId, ServerId } from "#contract/ids.ts";
import type { ResourceType } from "#contract/run.ts";
import type { ProvisionedImage, Server, ServerFact } from "#contract/server.ts";
import { serverTable } from "#domain/server/row.ts";
import type { ServerState } from "#domain/server/state.ts";
import { emptyInventory, inspected } from "#domain/server/testing/story.ts";
import { serverView } from "#domain/server/view.ts";
import {
  type BmcSession,
  type SessionStore,
  createMemorySessionStore,
} from "#drivers/redfish/wire/session-store.ts";
import { resourceBindings } from "#doors/foundation.ts";
import type { Workflow } from "#engine/kit.ts";
import type { SealedSecret } from "#engine/requests.ts";
import { Resources } from "#engine/resources.ts";
import type { RunState } from "#engine/run-state.ts";
import { loadRun } from "#engine/run-stream.ts";
import { migrate } from "#journal/migrate.ts";
import { createCipher } from "#platform/cipher.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { type Ids, createIds } from "#platform/ids.ts";
import type { Backend } from "#test/backends.ts";
import { type Door, openDoor } from "./door.ts";
import { EndedRuns } from "./ended-runs.ts";
import { type LabBmc, type LabProcess, startLabProcess } from "./lab-process.ts";
import { type EngineProcess, openProcess } from "./process.ts";

/**
 * Where the cases of one workflow are played: one lab, one database, and as many processes of the control plane as the
 * cases need. The `front` takes requests and runs nothing.
 */
export interface Site {
  readonly lab: LabProcess;
  readonly database: Database;
  readonly front: EngineProcess;
  readonly ids: Ids;
  readonly pace: number;
  readonly installer: { readonly url: string; readonly format: "iso" };
  /** What Metal3 can write on a disk. */
  readonly diskImage: ProvisionedImage;
  process(what: {
    readonly owner: string;
    readonly workflows: readonly Workflow[];
    readonly database?: Database;
    readonly sessions?: SessionStore;
  }): Promise<EngineProcess>;
  secret(text: string): SealedSecret;
  /** A machine of its own for a case, switched on when that is asked for. */
  machine(power?: "on" | "off"): Promise<LabBmc>;
  /** A server that this machine is, available, and whatever the facts make of it. No run was needed for it. */
  server(bmc: LabBmc, facts?: readonly ServerFact[], more?: Partial<Requested>): Promise<ServerId>;
  /** Writes facts to the stream of a resource or a pool as runs, or people, would have. */
  happened(type: ResourceType | "pool", id: string, facts: readonly Fact[]): Promise<void>;
  /** Gives the server a secret of its own, as an installation does. */
  own(id: ServerId, secret: SealedSecret): Promise<void>;
  /** The server as the API shows it, without the time of its last change; null when there is none. */
  view(id: ServerId): Promise<Omit<Server, "updatedAt"> | null>;
  state(id: ServerId): Promise<ServerState | null>;
  /** The sessions that are written down, for whoever ends the idle ones. */
  readonly sessions: SessionStore & { all(): readonly BmcSession[] };
  run(id: RunId): Promise<RunState>;
  /** The run once it is at rest. */
  ended(id: RunId): Promise<RunState>;
  stop(): Promise<void>;
}

type Requested = Extract<ServerFact, { readonly type: "server.requested" }>["data"];

interface Fact {
  readonly type: string;
  readonly data: unknown;
}

/** An engine slow enough that a busy machine does not end its patience; the lab may be much faster. */
const pace = 25;
const patienceMs = 150_000;

const nobody = "run_00000000000000000000000000" satisfies RunId;

export async function openSite(backend: Backend, labSpeed: number): Promise<Site> {
  const [lab, { database, drop }] = await Promise.all([
    startLabProcess({ speed: labSpeed, servers: 0 }),
    backend.open(),
  ]);
  await migrate(database);
  const clock = systemClock;
  const ids = createIds(() => clock.now());
  const cipher = createCipher(randomBytes(32).toString("base64"));
  const sessions = createMemorySessionStore();
  const open: Site["process"] = (what) =>
    openProcess({
      database,
      cipher,
      ids,
      sessions,
      configDriveUrl: (run) => door.addresses.driveUrl(run),
      kubeconfig: lab.kubeconfig,
      pace,
      ...what,
    });
  const front: EngineProcess = await open({ owner: "front", workflows: [] });
  const { journal, secrets, engine } = front;
  const door: Door = await openDoor({
    journal,
    secrets,
    cipher,
    signal: (run, name, data) => engine.signal(run, name, data),
  });
  const table = new Resources(database, resourceBindings);
  const image = lab.images.find(({ format }) => format === "iso");
  const disk = lab.images.find(({ format }) => format === "raw");
  if (image === undefined || disk === undefined)
    throw new Error("the lab has no installer, or no disk image");
  const secret: Site["secret"] = (text) => ({ id: ids.secret(), sealed: cipher.seal(text) });
  let machines = 0;

  const keep = async (kept: SealedSecret): Promise<void> => {
    const at = clock.now();
    await journal.commit({ appends: [], secrets: [{ ...kept, run: nobody, at }] });
  };
  const own: Site["own"] = async (id, kept) => {
    await keep(kept);
    await secrets.adopt(kept.id, id);
  };

  const happened: Site["happened"] = async (type, id, facts) => {
    const at = clock.now();
    const before = await table.load(type, id, true);
    const { appends, rows } = table.write(before, facts, { at, run: nobody, actor: "arranged" });
    const result = await journal.commit({ appends, rows });
    if (!result.ok) throw new Error(`the ${type} could not be arranged: ${result.conflict.kind}`);
  };

  const state: Site["state"] = async (id) => {
    const rows = await database.query<Record<string, unknown>>(
      "select body, inventory from servers where id = $1",
      [id],
    );
    return rows[0] === undefined ? null : serverTable.fromRow(rows[0]);
  };
  const run: Site["run"] = (id) => loadRun(journal, id);
  const endedRuns = new EndedRuns(database);

  return {
    lab,
    database,
    front,
    ids,
    pace,
    installer: { url: image.url, format: "iso" },
    diskImage: { url: disk.url, format: "raw", checksum: disk.checksum, checksumType: "sha256" },
    process: open,
    secret,
    async machine(power = "off") {
      machines += 1;
      const bmc = await lab.add(`m${machines}`);
      if (power === "off") return bmc;
      const login = secret(JSON.stringify({ username: bmc.username, password: bmc.password }));
      await keep(login);
      const options = { signal: AbortSignal.timeout(patienceMs), key: "arranged" };
      const { address, fingerprint256 } = bmc;
      const ref = {
        address,
        credentials: login.id,
        tls: { mode: "pin", fingerprint256 },
      } as const;
      await front.ports.bmc.setPower(ref, "on", options);
      await front.ports.bmc.disconnect(ref);
      await until(async () => isSettled(await lab.snapshot(bmc.name)));
      return bmc;
    },
    async server(bmc, facts = [], more = {}) {
      const id = ids.server();
      const credentials = secret(
        JSON.stringify({ username: bmc.username, password: bmc.password }),
      );
      const { address, fingerprint256 } = bmc;
      const isOn = ((await lab.snapshot(bmc.name)) as { readonly power: string }).power === "On";
      const identity = {
        uuid: randomUUID(),
        serial: randomBytes(4).toString("hex"),
        manufacturer: "Springfield",
        model: "Reactor 7",
      };
      await own(id, credentials);
      await happened("server", id, [
        requested({ id, address, credentials: credentials.id }, more),
        {
          type: "server.identified",
          data: {
            ...identity,
            fingerprint256,
            bmc: { vendor: null, model: null, firmwareVersion: null },
          },
        },
        { type: "server.registered", data: {} },
        inspected({
          ...emptyInventory,
          system: { ...emptyInventory.system, ...identity, power: isOn ? "on" : "off" },
        }),
        ...facts,
      ]);
      return id;
    },
    happened,
    own,
    async view(id) {
      const server = await state(id);
      if (server === null) return null;
      const { updatedAt: _at, ...view } = serverView(server);
      return view;
    },
    state,
    sessions,
    run,
    async ended(id) {
      if (await endedRuns.has(id, patienceMs)) return run(id);
      const { status, phase, waiting, steps, error } = await run(id);
      const open = steps.filter((step) => step.status === "running" || step.status === "waiting");
      throw new Error(
        `${id} does not end: ${JSON.stringify({ status, phase, waiting, error, open })}`,
      );
    },
    async stop() {
      await front.stop();
      await door.close();
      await drop();
      await lab.stop();
    },
  };
}

const requested = (
  from: {
    readonly id: ServerId;
    readonly address: string;
    readonly credentials: SecretId;
  },
  more: Partial<Requested>,
): ServerFact => ({
  type: "server.requested",
  data: {
    server: from.id,
    region: "local",
    project: "default",
    displayName: null,
    tags: {},
    pool: null,
    provisioner: "redfish",
    bmcAddress: from.address,
    tls: { mode: "pin", fingerprint256: null },
    credentials: from.credentials,
    ...more,
  },
});

/** A machine without an operating system ends its boot in `halted`. */
const isSettled = (machine: unknown): boolean =>
  ["halted", "os"].includes((machine as { readonly running: string }).running);

/** Looks again and again; throws when it has not become so for long. */
export async function until(
  condition: () => Promise<boolean>,
  withinMs = patienceMs,
): Promise<void> {
  const giveUpAt = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error("it has not become so");
    await systemClock.sleep(150);
  }
}
