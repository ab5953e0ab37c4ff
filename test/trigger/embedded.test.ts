import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPath } from "#test/processes/api.ts";
import { installations } from "./installations.ts";
import { type TriggerWorld, faultsOf, isReal, openTriggerWorld } from "./trigger-world.ts";

/** What is different when the workers come to the control plane's own database by a bridge. */
describe("a slice at Trigger.dev on the embedded database", () => {
  let trigger: TriggerWorld;
  beforeAll(async () => {
    trigger = await openTriggerWorld(null);
  }, 180_000);
  afterAll(() => trigger.close());
  const { slicesOf, executing, provision, expectDoneOnce } = installations(() => trigger);

  const timeout = 90_000;

  it.skipIf(isReal)("whose worker is killed is taken up by another", { timeout }, async () => {
    const { id, bmc } = await trigger.register();
    await faultsOf(trigger).fault("killed", { task: "server.provision", ms: 900, times: 2 });
    const run = await provision(id);
    await expectDoneOnce(await trigger.api.ended(run), bmc);
    const crashed = (await slicesOf(run)).filter(({ status }) => status === "CRASHED");
    expect(crashed.length).toBeGreaterThanOrEqual(2);
  });

  it(
    "whose control plane, and database with it, is killed is not repeated",
    { timeout },
    async () => {
      const { id, bmc } = await trigger.register();
      const run = await provision(id);
      await executing(run);
      await trigger.restart({}, "SIGKILL");
      await expectDoneOnce(await trigger.api.ended(run), bmc);
    },
  );

  it(
    "gives its worker back while its run waits for a child, which may have no other",
    { timeout },
    async () => {
      // More parents than workers: each of them sitting on one would leave none for the children.
      const registered = await Promise.all(Array.from({ length: 6 }, () => trigger.register()));
      expect(new Set(registered.map(({ id }) => id)).size).toBe(6);
    },
  );

  it("ends when its run is cancelled, with the world as before", { timeout }, async () => {
    const { api, world } = trigger;
    const { id, bmc } = await trigger.register();
    const before = await world.lab.snapshot(bmc);
    await world.lab.fault({ target: bmc, delayMs: 700, times: 3 });
    const run = await provision(id);
    await executing(run);
    await api.good("POST", `${runPath(run)}/cancel`, { body: { reason: "thought better of it" } });
    expect(await api.ended(run)).toMatchObject({ status: "cancelled" });
    expect(await world.lab.snapshot(bmc)).toEqual(before);
  });
});
