import { setTimeout as pause } from "node:timers/promises";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProcessWorld, complaintsOf, openProcessWorld } from "#test/process-world.ts";
import { Api } from "#test/processes/api.ts";
import { type Balancer, startBalancer } from "#test/processes/balancer.ts";
import { type ControlPlane, type Environment, command } from "#test/processes/control-plane.ts";
import type { LabBmc, LabFault } from "#test/processes/lab.ts";
import { createServerDatabase } from "#test/processes/server-database.ts";
import {
  callbacksHeard,
  effectsOnce,
  endings,
  lists,
  locks,
  readAll,
  sessions,
  world,
} from "./invariants.ts";
import { type Random, seedOf, seeded } from "./random.ts";
import { startWorkload } from "./workload.ts";

/**
 * A hundred runs are under way while the control plane is killed, stopped beyond its lease and cut off from its
 * database, and BMCs misbehave. When it is left alone again, every run comes to an end that says the truth, nothing
 * was done twice, nothing is held, and the books are in order.
 *
 * Declared time runs at a seventh of the lab's, so that deadlines fire for good reasons only, not for a busy machine.
 */

const speed = 150;
const pace = 20;
const servers = 40;
const leaseMs = 2_000;

let lab: ProcessWorld;
let balancer: Balancer;

beforeEach(async () => {
  lab = await openProcessWorld({ servers, speed });
  balancer = await startBalancer();
  lab.onClose(() => balancer.close());
}, 120_000);
afterEach(() => lab.close());

/** One member of the control plane: killed, stopped, continued and started again under the same configuration. */
class Member {
  readonly env: Environment;
  plane: ControlPlane | null = null;

  constructor(env: Environment) {
    this.env = env;
  }

  async start(): Promise<void> {
    this.plane = await lab.start(this.env);
  }

  signal(signal: NodeJS.Signals): void {
    this.plane?.child.signal(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.plane?.child.ended;
    this.plane = null;
  }

  /** SIGTERM, and how it ended. */
  async stop(): Promise<number | null> {
    this.signal("SIGTERM");
    const ended = await this.plane?.child.ended;
    this.plane = null;
    return ended?.code ?? null;
  }
}

const balance = (members: readonly Member[]): void =>
  balancer.use(members.flatMap(({ plane }) => (plane === null ? [] : [plane.url])));

const complaints = (members: readonly Member[]) => (): string =>
  members
    .flatMap(({ plane }) => (plane === null ? [] : [complaintsOf(plane.child)]))
    .join("\n")
    .slice(-8_000);

/** What every configuration here has in common; several processes share their keys. */
const environment = (dataDir: string, more: Environment): Environment =>
  lab.env(dataDir, {
    MILLWRIGHT_PACE: String(pace),
    MILLWRIGHT_LEASE_MS: String(leaseMs),
    MILLWRIGHT_PUBLIC_URL: balancer.url,
    MILLWRIGHT_LOG_LEVEL: "warn",
    ...more,
  });

/** BMCs that answer 503, cut the line, or do as told and cut it then, each a few times. */
async function misbehave(random: Random): Promise<void> {
  for (let count = 0; count < 4; count += 1) {
    const target = random.pick(lab.lab.bmcs as [LabBmc]).name;
    const times = random.between(1, 2);
    const fault = random.pick<LabFault>([{ status: 503 }, { cut: "before" }, { cut: "after" }]);
    await lab.lab.fault({ target, times, ...fault });
  }
}

async function settle(
  members: readonly Member[],
  api: Api,
  { accepted, kills }: { readonly accepted: ReadonlySet<string>; readonly kills: number },
): Promise<void> {
  const shown = await readAll(api);
  const count = (status: string) => shown.runs.filter((run) => run.status === status).length;
  process.stdout.write(
    `  ${shown.runs.length} runs: ${count("completed")} completed, ${count("failed")} failed, ${count("cancelled")} cancelled\n`,
  );
  const failed = shown.runs.filter(({ error }) => error !== null);
  for (const { type, error } of failed)
    process.stdout.write(`    ${type} at ${error?.step}: ${error?.code} ${error?.message}\n`);
  const effects = await lab.lab.effects();
  for (const action of ["media-unreadable", "callback-given-up"])
    for (const each of effects.filter((effect) => effect.action === action))
      process.stdout.write(`    ${each.target}: ${action} ${JSON.stringify(each.detail)}\n`);
  const problems = [
    ...(await endings(api, shown)),
    ...(await lists(api, shown, accepted)),
    ...(await locks(api, shown)),
    ...effectsOnce(effects, shown, lab.lab),
    ...callbacksHeard(effects, shown, lab.lab),
    ...(await world(lab.lab, shown)),
    ...(await sessions(lab.lab, 1, kills)),
  ];
  expect(problems).toEqual([]);
  // It must have been worth looking at: most of it got through, and of everything something.
  expect(count("completed")).toBeGreaterThan(shown.runs.length / 2);
  expect(new Set(shown.runs.map(({ type }) => type)).size).toBe(5);
  expect(shown.runs.length).toBeGreaterThan(servers * 2);

  for (const member of members) expect(await member.stop()).toBe(0);
  expect(await sessions(lab.lab, 0, kills)).toEqual([]);
  const [first] = members;
  if (first === undefined) throw new Error("there is no control plane");
  const audit = await command(["audit", "verify"], first.env);
  expect(audit).toMatchObject({ code: 0, stdout: expect.stringContaining(" 0 problems") });
  expect(await command(["rebuild"], first.env)).toMatchObject({ code: 0 });
  await first.start();
  balance([first]);
  expect(await readAll(api)).toEqual(shown);
}

describe("chaos", () => {
  it(
    "leaves no trace when one process on the embedded database is killed again and again",
    {
      timeout: 400_000,
    },
    async () => {
      const seed = seedOf(process.env);
      process.stdout.write(`chaos on the embedded database: CHAOS_SEED=${seed}\n`);
      const random = seeded(seed);
      const key = `mk_${randomBytes(24).toString("hex")}`;
      const member = new Member(environment(await lab.dataDir(), { MILLWRIGHT_ADMIN_KEY: key }));
      const api = new Api({
        origin: () => balancer.url,
        key,
        complaints: complaints([member]),
        patienceMs: 300_000,
      });
      await member.start();
      balance([member]);
      const workload = startWorkload({ api, lab: lab.lab }, random);
      const kills = 4;
      for (let kill = 0; kill < kills; kill += 1) {
        await misbehave(random);
        await pause(random.between(200, 4_000));
        await member.kill();
        balance([member]);
        await member.start();
        balance([member]);
      }
      await lab.lab.clearFaults();
      await workload.done;
      await settle([member], api, { accepted: workload.accepted, kills });
    },
  );

  const server = process.env["TEST_DATABASE_URL"];
  it.skipIf(server === undefined)(
    "leaves no trace when processes sharing a PostgreSQL are killed, stopped and cut off (needs TEST_DATABASE_URL)",
    { timeout: 400_000 },
    async () => {
      const seed = seedOf(process.env);
      process.stdout.write(`chaos on PostgreSQL: CHAOS_SEED=${seed}\n`);
      const random = seeded(seed);
      const database = await createServerDatabase(server ?? "");
      lab.onClose(() => database.drop());
      const key = `mk_${randomBytes(24).toString("hex")}`;
      const shared = {
        MILLWRIGHT_DATABASE_URL: database.url,
        MILLWRIGHT_ADMIN_KEY: key,
        MILLWRIGHT_SECRET_KEY: randomBytes(32).toString("base64"),
      };
      const members = [1, 2].map(() => new Member(environment(lab.folder(), shared)));
      const api = new Api({
        origin: () => balancer.url,
        key,
        complaints: complaints(members),
        patienceMs: 300_000,
      });
      for (const member of members) await member.start();
      balance(members);
      const workload = startWorkload({ api, lab: lab.lab }, random);
      const disturbances = ["kill", "stop", "cut off", "stop", "kill", "cut off"] as const;
      for (const disturbance of disturbances) {
        await misbehave(random);
        await pause(random.between(200, 3_000));
        const member = random.pick(members as [Member]);
        switch (disturbance) {
          case "kill":
            await member.kill();
            balance(members);
            await member.start();
            balance(members);
            break;
          case "stop": {
            const before = await recovered(api);
            member.signal("SIGSTOP");
            await someRunGoesOn(api, before);
            member.signal("SIGCONT");
            break;
          }
          case "cut off":
            await database.cutOff();
            break;
        }
      }
      await lab.lab.clearFaults();
      await workload.done;
      const kills = disturbances.filter((disturbance) => disturbance === "kill").length;
      await settle(members, api, { accepted: workload.accepted, kills });
    },
  );
});

/** How often a run was taken over from a process that had lost it. */
async function recovered(api: Api): Promise<number> {
  const { meta } = await api.persist("GET", "/v1/events?type=run.recovered&limit=1");
  return (meta["pagination"] as { readonly total: number }).total;
}

/** Looks until a run of the stopped process is taken over; one that held none when it was stopped loses none. */
async function someRunGoesOn(api: Api, before: number): Promise<void> {
  const giveUpAt = Date.now() + 4 * leaseMs;
  while (Date.now() < giveUpAt && (await recovered(api)) === before) await pause(100);
}
