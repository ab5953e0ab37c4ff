import { randomBytes } from "node:crypto";
import { freePort } from "#doors/demo/free-port.ts";
import { type ProcessWorld, complaintsOf, openProcessWorld } from "#test/process-world.ts";
import { Api, registration, serversPath } from "#test/processes/api.ts";
import type { ControlPlane, Environment } from "#test/processes/control-plane.ts";
import { startBalancer } from "#test/processes/balancer.ts";
import { createServerDatabase } from "#test/processes/server-database.ts";
import { realTrigger, startRealTrigger } from "#test/processes/real-trigger.ts";
import { type SlicePlatform, type StandIn, startStandIn } from "#test/processes/stand-in.ts";

/**
 * A lab, a database on a server or the embedded one, a stand-in for Trigger.dev, and a control plane whose slices it
 * executes: all of them processes of their own.
 */
export interface TriggerWorld {
  readonly world: ProcessWorld;
  readonly platform: SlicePlatform;
  /** Null on a real platform, whose faults nobody can ask for. */
  readonly standIn: StandIn | null;
  readonly api: Api;
  readonly plane: () => ControlPlane;
  /** Ends the control plane by a signal and starts it again, with other settings when they are given. */
  restart(more?: Environment, signal?: NodeJS.Signals): Promise<void>;
  /** A new machine of the lab, registered: the server's id and the machine's name. */
  register(profile?: string): Promise<{ readonly id: string; readonly bmc: string }>;
  close(): Promise<void>;
}

/** Declared times pass at half the lab's speed, so that deadlines do not fire because the tester's machine is busy. */
const speed = 120;

/** Whether a real platform is there, so that what needs the stand-in's faults is skipped. */
export const isReal = realTrigger(process.env) !== null;
const pace = 60;

/**
 * `server`: where to make the database; null takes the embedded one. `slicesAtOnce`: how many the stand-in executes at the
 * same time.
 */
export async function openTriggerWorld(
  server: string | null,
  more: Environment = {},
  slicesAtOnce = 4,
): Promise<TriggerWorld> {
  const world = await openProcessWorld({ servers: 0, speed });
  try {
    const database = server === null ? null : await createServerDatabase(server);
    const key = `mk_${randomBytes(24).toString("hex")}`;
    // The control plane comes back at another port; workers and machines know this address.
    const balancer = await startBalancer();
    world.onClose(() => balancer.close());
    const shared: Environment = {
      MILLWRIGHT_PUBLIC_URL: balancer.url,
      ...(database === null
        ? { MILLWRIGHT_BRIDGE_PORT: String(await freePort()) }
        : { MILLWRIGHT_DATABASE_URL: database.url }),
      MILLWRIGHT_SECRET_KEY: randomBytes(32).toString("base64"),
      MILLWRIGHT_LAB_URL: world.lab.url,
      MILLWRIGHT_PACE: String(pace),
      MILLWRIGHT_LEASE_MS: "2000",
      MILLWRIGHT_LOG_LEVEL: "warn",
      ...more,
    };
    const real = realTrigger(process.env);
    const standIn =
      real === null ? await startStandIn(shared, { concurrency: slicesAtOnce }) : null;
    const platform = standIn ?? (real === null ? null : await startRealTrigger(real, shared));
    if (platform === null) throw new Error("there is neither a stand-in nor a real platform");
    world.onClose(() => database?.drop());
    const dataDir = database === null ? await world.dataDir() : null;
    const env = (): Environment =>
      world.env(dataDir ?? world.folder(), {
        ...shared,
        MILLWRIGHT_ADMIN_KEY: key,
        MILLWRIGHT_ENGINE: "trigger",
        MILLWRIGHT_TRIGGER_QUEUED_MS: "3000",
        MILLWRIGHT_TRIGGER_DASHBOARD_URL: "http://dashboard.example/env/dev",
        TRIGGER_API_URL: platform.url,
        TRIGGER_SECRET_KEY: platform.secretKey,
      });
    let plane = await world.start(env());
    balancer.use([plane.url]);
    const api = new Api({
      origin: () => plane.url,
      key,
      complaints: () => `${complaintsOf(plane.child)}${complaintsOf(platform.child)}`,
    });
    return {
      world,
      platform,
      standIn,
      api,
      plane: () => plane,
      async restart(settings = {}, signal = "SIGTERM") {
        plane.child.signal(signal);
        await plane.child.ended;
        plane = await world.start({ ...env(), ...settings });
        balancer.use([plane.url]);
      },
      async register(profile) {
        const bmc = await world.lab.add(`t-${randomBytes(4).toString("hex")}`, profile);
        const run = await api.completed("POST", serversPath, registration(bmc));
        return { id: run.resourceId, bmc: bmc.name };
      },
      async close() {
        plane.child.signal("SIGTERM");
        await plane.child.ended;
        await platform.stop();
        await world.close();
      },
    };
  } catch (error) {
    await world.close();
    throw error;
  }
}

/** The stand-in, for tests that are skipped on a real platform. */
export function faultsOf({ standIn }: TriggerWorld): StandIn {
  if (standIn === null) throw new Error("a real platform has no faults to be asked for");
  return standIn;
}
