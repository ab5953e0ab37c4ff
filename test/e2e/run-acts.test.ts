import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
import type { LabBmc } from "#test/processes/lab.ts";

/** What people do to runs, over HTTP, and what becomes of the machine: the lab's world before and after must agree. */

let world: ProcessWorld;
let api: Api;

beforeAll(async () => {
  world = await openProcessWorld({ servers: 5, speed: 150 });
  const dataDir = await world.dataDir();
  const env = { MILLWRIGHT_PACE: "30", MILLWRIGHT_LOG_LEVEL: "silent" };
  api = world.api(await world.start(world.env(dataDir, env)), dataDir);
}, 180_000);
afterAll(() => world.close());

const act = (run: string, verb: string, body: object = {}) =>
  api.ask<Run>("POST", `${runPath(run)}/${verb}`, { body });

const provision = (path: string, more: object = {}) =>
  api.good("POST", `${path}/provision`, {
    body: { image: imageOf(world.lab.image("iso")), completion: "callback", ...more },
  });

const stepOf = (run: Run, name: string) => run.steps.find((step) => step.name === name);

async function registered(bmc: LabBmc): Promise<string> {
  const run = await api.completed("POST", serversPath, registration(bmc));
  return serverPath(run.resourceId);
}

/** Where boot overrides are written: on the system, or on its settings. */
const bootOverride = { method: "PATCH", path: "/Systems/[^/]+(/(SD|Settings))?/?$" } as const;

/** The BMC refuses every boot override until the lab is told otherwise. */
const refuseBoot = (bmc: LabBmc) =>
  world.lab.fault({ target: bmc.name, ...bootOverride, status: 400 });

describe("a run of a provisioning", { timeout: 240_000 }, () => {
  it("is cancelled before its pivot with everything taken back, and not after", async () => {
    const bmc = world.lab.bmcs[0]!;
    const path = await registered(bmc);
    const before = await world.lab.snapshot(bmc.name);
    await world.lab.fault({ target: bmc.name, ...bootOverride, delayMs: 3_000 });
    const first = await provision(path);
    await api.until(first.run, (run) => stepOf(run, "set-boot-once")?.status === "running");
    expect(Object.keys((await world.lab.snapshot(bmc.name))["media"] as object)).not.toEqual([]);
    const cancelled = await act(first.run, "cancel", { reason: "the wrong machine" });
    expect(cancelled.status).toBe(202);
    const run = await api.ended(first.run);
    expect(run, summary(run)).toMatchObject({
      status: "cancelled",
      cleanup: "complete",
      error: null,
      attention: null,
    });
    expect(await world.lab.snapshot(bmc.name)).toEqual(before);
    expect(await api.server(run.resourceId)).toMatchObject({
      state: "available",
      activeRunId: null,
    });
    const events = await api.events(run.id);
    expect(events.find(({ type }) => type === "run.cancel_requested")).toMatchObject({
      data: { reason: "the wrong machine" },
      actor: "admin",
    });
    await world.lab.clearFaults();
    const undone = events.filter(({ type }) => type === "undo.completed");
    expect(undone.map(({ data }) => (data as { step: string }).step)).toEqual([
      "set-boot-once",
      "insert-media",
      "reserve",
      "validate",
    ]);
    expect((await act(first.run, "cancel")).error?.code).toBe("INVALID_STATE_TRANSITION");

    const second = await provision(path);
    await api.until(second.run, (now) => stepOf(now, "await-install")?.status === "waiting");
    const late = await act(second.run, "cancel");
    expect([late.status, late.error?.code]).toEqual([409, "PAST_PIVOT"]);
    expect(late.error?.message).toContain("overwrites the disk");
    expect(await api.ended(second.run)).toMatchObject({ status: "completed" });
  });

  it("stands still while it is paused, and goes on where it was", async () => {
    const bmc = world.lab.bmcs[1]!;
    const path = await registered(bmc);
    const { run: id } = await provision(path);
    await api.until(id, (run) => stepOf(run, "await-install")?.status === "waiting");
    expect((await act(id, "pause", { reason: "lunch" })).status).toBe(202);
    const finished = async () =>
      (await world.lab.effects(bmc.name)).some(({ action }) => action === "callback-delivered");
    await expect.poll(finished, { timeout: 60_000 }).toBe(true);
    const paused = await api.run(id);
    expect(paused).toMatchObject({ status: "running", phase: "paused" });
    expect(stepOf(paused, "eject-media")?.status).toBe("pending");
    expect((await act(id, "resume")).status).toBe(202);
    expect(await api.ended(id)).toMatchObject({ status: "completed" });
    expect((await act(id, "resume")).error?.code).toBe("INVALID_STATE_TRANSITION");
  });

  it("that is to hold keeps what it made, until somebody undoes it", async () => {
    const bmc = world.lab.bmcs[2]!;
    const path = await registered(bmc);
    const before = await world.lab.snapshot(bmc.name);
    await refuseBoot(bmc);
    const { run: id } = await provision(path, { onFailure: "hold" });
    const held = await api.ended(id);
    expect(held, summary(held)).toMatchObject({
      status: "failed",
      cleanup: "held",
      error: { code: "BMC_REJECTED", step: "set-boot-once" },
      attention: { step: "set-boot-once" },
    });
    expect(await world.lab.snapshot(bmc.name)).not.toEqual(before);
    // It holds the lock, and says which run does.
    const refused = await api.ask("POST", `${path}/lifecycle`, { body: { action: "power-on" } });
    expect([refused.status, refused.error?.code]).toEqual([409, "CONFLICT"]);
    expect(refused.error?.details).toMatchObject({ activeRunId: id });
    expect(await api.server(held.resourceId)).toMatchObject({
      state: "error",
      activeRunId: id,
      actions: [],
    });
    await world.lab.clearFaults();
    expect((await act(id, "undo")).status).toBe(202);
    const undone = await api.until(id, ({ cleanup }) => cleanup === "complete");
    expect(undone).toMatchObject({ status: "failed", attention: null });
    expect(await world.lab.snapshot(bmc.name)).toEqual(before);
    expect(await api.server(undone.resourceId)).toMatchObject({
      state: "available",
      activeRunId: null,
    });
  });

  it("is retried from the step that failed, and with another input", async () => {
    const bmc = world.lab.bmcs[3]!;
    const path = await registered(bmc);
    await refuseBoot(bmc);
    const { run: first } = await provision(path, { onFailure: "hold" });
    expect(await api.ended(first)).toMatchObject({ status: "failed", cleanup: "held" });
    await world.lab.clearFaults();
    const unknown = await act(first, "retry", { fromStep: "reboot" });
    expect([unknown.status, unknown.error?.code]).toEqual([400, "VALIDATION_ERROR"]);
    const early = await act(first, "retry", { fromStep: "await-install" });
    expect([early.status, early.error?.code]).toEqual([409, "INVALID_STATE_TRANSITION"]);
    expect(early.error?.details).toMatchObject({ earliestStep: "set-boot-once" });

    const retried = await act(first, "retry", { fromStep: "set-boot-once" });
    expect(retried.status).toBe(202);
    const second = await api.ended(retried.run);
    expect(second, summary(second)).toMatchObject({
      status: "completed",
      retryOf: first,
      fromStep: "set-boot-once",
    });
    expect(second.steps.slice(0, 3).map(({ status }) => status)).toEqual([
      "reused",
      "reused",
      "skipped",
    ]);
    expect(await api.run(first)).toMatchObject({ retriedBy: second.id, attention: null });
    expect(await world.lab.snapshot(bmc.name)).toMatchObject({ media: {}, power: "On" });

    await api.completed("POST", `${path}/lifecycle`, { action: "deprovision" });
    const good = imageOf(world.lab.image("iso")) as { url: string };
    const image = { ...good, url: good.url.replace("debian", "nowhere") };
    const lost = await api.ended((await provision(path, { image })).run);
    expect(lost, summary(lost)).toMatchObject({ status: "failed", error: { step: "validate" } });
    expect(["IMAGE_UNREACHABLE", "IMAGE_INVALID"]).toContain(lost.error?.code);
    const edited = await act(lost.id, "retry", { input: { image: good } });
    expect(edited.status).toBe(202);
    expect(await api.ended(edited.run)).toMatchObject({ status: "completed", retryOf: lost.id });
    expect((await act(lost.id, "retry")).error?.code).toBe("INVALID_STATE_TRANSITION");
  });
});

describe("a run of a registration", { timeout: 120_000 }, () => {
  it("that was given a wrong password is retried with the right one", async () => {
    const bmc = world.lab.bmcs[4]!;
    const { username, password, ...right } = registration(bmc);
    const asked = await api.good("POST", serversPath, {
      body: { ...right, username, password: "mistyped" },
    });
    const failed = await api.ended(asked.run);
    expect(failed, summary(failed)).toMatchObject({
      status: "failed",
      cleanup: "none",
      error: { code: "BMC_AUTH_FAILED" },
    });
    const half = await act(failed.id, "retry", { input: { password } });
    expect([half.status, half.error?.code]).toEqual([400, "VALIDATION_ERROR"]);
    const retried = await act(failed.id, "retry", { input: { username, password } });
    expect(retried.status).toBe(202);
    const again = await api.ended(retried.run);
    expect(again, summary(again)).toMatchObject({ status: "completed", retryOf: failed.id });
    expect(await api.server(again.resourceId)).toMatchObject({ state: "available" });
  });
});
