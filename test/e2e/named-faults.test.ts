import { afterAll, beforeAll, describe, it } from "vitest";
import type { Run } from "#contract/run.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import {
  type Api,
  imageOf,
  registration,
  runPath,
  serverPath,
  serversPath,
  summary,
} from "#test/processes/api.ts";

/**
 * Machines that are broken from birth, by the lab's names for what is wrong with them. Each ends with the code that
 * names the trouble, at the step where it shows, with the world as it was or with a person told.
 */

let world: ProcessWorld;
/** Declared time runs slowly: retries and seconds of delay are real here. */
let patient: Api;
/** Declared time runs fast: these wait for deadlines. */
let quick: Api;

beforeAll(async () => {
  world = await openProcessWorld({ servers: 0, speed: 150, namedFaults: true });
  const start = async (pace: string): Promise<Api> => {
    const dataDir = await world.dataDir();
    const env = { MILLWRIGHT_PACE: pace, MILLWRIGHT_LOG_LEVEL: "silent" };
    return world.api(await world.start(world.env(dataDir, env)), dataDir);
  };
  [patient, quick] = await Promise.all([start("15"), start("60")]);
}, 180_000);
afterAll(() => world.close());

const failedAt = (run: Run) => ({
  status: run.status,
  code: run.error?.code,
  step: run.error?.step,
});
const abandon = (api: Api, run: Run) =>
  api.good<Run>("POST", `${runPath(run.id)}/abandon`, { body: { reason: "shredded by hand" } });

describe.concurrent("a machine called", { timeout: 240_000 }, () => {
  it("…-bmc-flaky is registered and inspected all the same", async ({ expect }) => {
    const bmc = world.lab.bmc("bmc-flaky");
    const run = await patient.completed("POST", serversPath, registration(bmc));
    expect(await patient.server(run.resourceId)).toMatchObject({ state: "available" });
  });

  it("…-bmc-slow is registered all the same", async ({ expect }) => {
    const bmc = world.lab.bmc("bmc-slow");
    const body = registration(bmc, { inspect: false });
    const run = await quick.completed("POST", serversPath, body);
    expect(await quick.server(run.resourceId)).toMatchObject({ state: "registered" });
  });

  it("…-bmc-dead is not registered at any pace, and leaves no server", async ({ expect }) => {
    const bmc = world.lab.bmc("bmc-dead");
    const [run, hurried] = await Promise.all([
      patient.follow("POST", serversPath, registration(bmc)),
      quick.follow("POST", serversPath, registration(bmc)),
    ]);
    expect(failedAt(hurried), summary(hurried)).toEqual(failedAt(run));
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "BMC_CONNECTION_FAILED",
      step: "connect",
    });
    expect(run).toMatchObject({ cleanup: "none", attention: null });
    // What may pass is tried again; what it was waiting for was said.
    expect(run.steps[0]?.attempts).toBeGreaterThan(1);
    const gone = await patient.ask("GET", serverPath(run.resourceId));
    expect([gone.status, gone.error?.code]).toEqual([404, "NOT_FOUND"]);
  });

  it("…-bad-password is tried once, because BMCs lock accounts", async ({ expect }) => {
    const bmc = world.lab.bmc("bad-password");
    const before = await world.lab.snapshot(bmc.name);
    const run = await patient.follow("POST", serversPath, registration(bmc));
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "BMC_AUTH_FAILED",
      step: "connect",
    });
    expect(run).toMatchObject({ cleanup: "none", attention: null });
    expect(run.steps[0]?.attempts).toBe(1);
    expect(await world.lab.snapshot(bmc.name)).toEqual(before);
    expect(await world.lab.effects(bmc.name)).toEqual([]);
    expect((await patient.ask("GET", serverPath(run.resourceId))).status).toBe(404);
  });

  it("…-install-hangs runs into the deadline, past the pivot, and asks for a person", async ({
    expect,
  }) => {
    const bmc = world.lab.bmc("install-hangs");
    const { resourceId } = await quick.completed("POST", serversPath, registration(bmc));
    const path = serverPath(resourceId);
    const body = { image: imageOf(world.lab.image("iso")), completion: "callback" };
    const run = await quick.follow("POST", `${path}/provision`, body);
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "STEP_TIMEOUT",
      step: "await-install",
    });
    expect(run).toMatchObject({ cleanup: "none", attention: { code: "STEP_TIMEOUT" } });
    expect(run.attention?.notDone).toContain("await-install");
    expect(await quick.server(resourceId)).toMatchObject({
      state: "error",
      error: { code: "STEP_TIMEOUT", run: run.id },
      activeRunId: null,
    });
    const late = await quick.ask("POST", `${runPath(run.id)}/cancel`, { body: {} });
    expect(late.status).toBe(409);
    expect((await quick.ask("POST", `${runPath(run.id)}/abandon`, { body: {} })).status).toBe(400);
    expect((await abandon(quick, run)).data.attention).toBeNull();
    // A half-written disk stays an error until it is installed over, or the server is emptied.
    expect(await quick.server(resourceId)).toMatchObject({ state: "error" });
    await quick.completed("POST", `${path}/lifecycle`, { action: "deprovision" });
    expect(await quick.server(resourceId)).toMatchObject({ state: "available", power: "off" });
    expect(await world.lab.snapshot(bmc.name)).toMatchObject({ media: {}, power: "Off" });
  });

  it("…-erase-fails is not said to be erased, and can be given up by a person", async ({
    expect,
  }) => {
    const bmc = world.lab.bmc("erase-fails");
    const { resourceId } = await quick.completed("POST", serversPath, registration(bmc));
    const run = await quick.follow("DELETE", serverPath(resourceId));
    expect(["ERASE_FAILED", "BMC_TASK_FAILED"], summary(run)).toContain(run.error?.code);
    expect(run).toMatchObject({ status: "failed", error: { step: "erase" }, cleanup: "none" });
    expect(run.attention?.waysOut.join()).toContain("abandon");
    expect(await quick.server(resourceId)).toMatchObject({ state: "error" });
    await abandon(quick, run);
    const server = await quick.server(resourceId);
    expect(server).toMatchObject({ state: "decommissioned", erase: { state: "not erased" } });
    expect(server.erase?.reason).toContain(run.id);
    expect(server.erase?.reason).toContain("shredded by hand");
    const { disks } = (await world.lab.snapshot(bmc.name)) as { disks: { erased: unknown }[] };
    expect(disks.filter(({ erased }) => erased !== null)).toEqual([]);
  });

  it("…-lies-about-power is found out", async ({ expect }) => {
    const bmc = world.lab.bmc("lies-about-power");
    const { resourceId } = await quick.completed("POST", serversPath, registration(bmc));
    const path = serverPath(resourceId);
    const body = { action: "power-on" };
    const run = await quick.follow("POST", `${path}/lifecycle`, body);
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "POWER_STATE_MISMATCH",
      step: "await-state",
    });
    expect(run.attention).toMatchObject({
      code: "POWER_STATE_MISMATCH",
      done: ["validate", "apply"],
    });
    expect(await quick.server(resourceId)).toMatchObject({ state: "error", activeRunId: null });
  });
});
