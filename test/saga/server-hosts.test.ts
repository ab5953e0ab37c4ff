import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServerId } from "#contract/ids.ts";
import { workflows } from "#workflows/registry.ts";
import type { LabBmc } from "./lab-process.ts";
import { until } from "./site.ts";
import { type World, openWorld } from "./world.ts";

/** What becomes of servers under Metal3 whose hosts are not yet ready for what is asked of them. */

let world: World;

beforeAll(async () => {
  world = await openWorld({ speed: 60, pace: 60, servers: 0, workflows });
}, 180_000);
afterAll(() => world.stop());

/** A server whose registration has ended, and whose host Metal3 goes on to inspect. */
const registered = async (name: string): Promise<{ id: ServerId; bmc: LabBmc }> => {
  const bmc = await world.lab.add(name);
  const { id, run } = await world.register(bmc, { provisioner: "metal3", inspect: false });
  expect((await world.ended(run)).error).toBeNull();
  return { id, bmc };
};

describe.concurrent("right after a registration under Metal3", { timeout: 120_000 }, () => {
  it.each([
    ["power-on", "On"],
    ["power-off", "Off"],
    ["reboot", "On"],
    ["power-cycle", "On"],
  ] as const)("%s waits until Metal3 heeds the power, and says so", async (action, power) => {
    const { id, bmc } = await registered(`new-${action}`);
    const run = await world.lifecycle(id, action);
    const waiting = await world.until(run, (seen) => seen.waiting !== null);
    expect(waiting.steps.find(({ status }) => status === "waiting")?.name).toBe("validate");
    expect(waiting.waiting?.reason).toMatch(/^waiting for Metal3 .*: the host is inspecting/);
    const state = await world.ended(run);
    expect({ status: state.status, error: state.error }).toEqual({
      status: "completed",
      error: null,
    });
    expect((await world.server(id))?.power).toBe(power.toLowerCase());
    await until(async () => {
      const machine = (await world.lab.snapshot(bmc.name)) as { readonly power: string };
      return machine.power === power;
    });
  });

  it("a power action can be cancelled while it waits for Metal3", async () => {
    const { id } = await registered("new-and-cancelled");
    const run = await world.lifecycle(id, "power-on");
    await world.until(run, (seen) => seen.waiting !== null);
    await world.engine.cancel({ run, by: { actor: "tester" } });
    expect(await world.ended(run)).toMatchObject({ status: "cancelled", attention: null });
    expect((await world.server(id))?.rest).toMatchObject({ state: "registered" });
  });
});
