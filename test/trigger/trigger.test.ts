import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Run } from "#contract/run.ts";
import { imageOf, registration, runPath, serverPath, serversPath } from "#test/processes/api.ts";
import { type TriggerWorld, faultsOf, isReal, openTriggerWorld } from "./trigger-world.ts";

const server = process.env["TEST_DATABASE_URL"];

describe.skipIf(server === undefined)("the engine trigger (needs TEST_DATABASE_URL)", () => {
  let trigger: TriggerWorld;
  beforeAll(async () => {
    trigger = await openTriggerWorld(server ?? "");
  }, 180_000);
  afterAll(() => trigger.close());

  it("carries a run out in tasks of its type, and shows them", { timeout: 120_000 }, async () => {
    const { api, platform, world } = trigger;
    const bmc = await world.lab.add("first");
    const run = await api.completed("POST", serversPath, registration(bmc));
    expect(run.engine.name).toBe("trigger");
    expect(run.engine.runs.length).toBeGreaterThan(0);
    const slices = await platform.slicesOf(run.id);
    expect(slices.map(({ id }) => id)).toEqual(run.engine.runs);
    for (const slice of slices) {
      expect(slice.task).toBe("server.register");
      if (trigger.standIn !== null)
        expect(slice).toMatchObject({ concurrencyKey: run.resourceId, maxDuration: 3_600 });
      expect(slice.tags).toEqual([
        `run:${run.id}`,
        "type:server.register",
        `resource:${run.resourceId}`,
      ]);
      // Nothing secret, and nothing that the journal does not have.
      expect(JSON.parse(slice.payload)).toEqual({
        json: { runId: run.id, slice: expect.any(Number) },
      });
    }
    expect(run.links.engine).toBe(
      `http://dashboard.example/env/dev/runs/${run.engine.runs.at(-1)}`,
    );
    if (trigger.standIn !== null) {
      const { logs } = trigger.standIn;
      await expect.poll(logs, { timeout: 15_000 }).toContainEqual(
        expect.objectContaining({
          message: "the slice ends",
          attributes: expect.objectContaining({ run: run.id }),
        }),
      );
    }
    const shown = async () => (await platform.slicesOf(run.id)).at(-1);
    await expect
      .poll(shown, { timeout: 10_000 })
      .toMatchObject({ status: "COMPLETED", metadata: { run: run.id, status: "completed" } });
  });

  it.skipIf(isReal)(
    "accepts while the platform is away, says why runs wait, and goes on by itself",
    { timeout: 120_000 },
    async () => {
      const { api, register } = trigger;
      const standIn = faultsOf(trigger);
      const { id } = await register();
      await standIn.outage("down");
      const answer = await api.ask<{ id: string }>("POST", `${serverPath(id)}/lifecycle`, {
        body: { action: "power-on" },
      });
      expect(answer.status).toBe(202);
      await expect
        .poll(async () => (await api.good<Run>("GET", runPath(answer.run))).data, {
          timeout: 30_000,
        })
        .toMatchObject({
          status: "pending",
          waiting: { reason: expect.stringContaining("Trigger.dev") },
        });
      expect((await api.ask("GET", "/readyz")).data).toMatchObject({ status: "degraded" });
      await standIn.outage("none");
      expect(await api.ended(answer.run)).toMatchObject({ status: "completed" });
      expect((await api.ask("GET", "/readyz")).data).toMatchObject({ status: "ready" });
    },
  );
});

describe.skipIf(server === undefined)("a cancel over there, by configuration", () => {
  let trigger: TriggerWorld;
  beforeAll(async () => {
    trigger = await openTriggerWorld(server ?? "", { MILLWRIGHT_TRIGGER_ON_CANCEL: "cancel" });
  }, 180_000);
  afterAll(() => trigger.close());

  it("cancels the run, with the world as before", { timeout: 120_000 }, async () => {
    const { api, platform, world } = trigger;
    const { id, bmc } = await trigger.register();
    const before = await world.lab.snapshot(bmc);
    await world.lab.fault({ target: bmc, delayMs: 700, times: 3 });
    const body = { image: imageOf(world.lab.image("iso")), completion: "power-off" };
    const { run } = await api.good("POST", `${serverPath(id)}/provision`, { body });
    const newest = async () => (await platform.slicesOf(run)).at(-1);
    await expect
      .poll(newest, { timeout: 20_000 })
      .toMatchObject({ status: "EXECUTING", metadata: { run } });
    await platform.cancel((await newest())?.id ?? "");
    expect(await api.ended(run)).toMatchObject({ status: "cancelled" });
    expect(await world.lab.snapshot(bmc)).toEqual(before);
  });
});
