import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunId, ServerId } from "#contract/ids.ts";
import type { RunState } from "#engine/run-state.ts";
import { shownState } from "#domain/at-work.ts";
import { workflows } from "#workflows/registry.ts";
import { type World, openWorld } from "./world.ts";

/** A server's whole life on every kind of BMC that the lab plays. */

const profiles = 8;
/** BMCs that offer no way to erase a drive. */
const cannotErase = ["x13", "dgx"];
let world: World;

beforeAll(async () => {
  world = await openWorld({ speed: 120, pace: 60, servers: profiles, workflows });
}, 180_000);
afterAll(() => world.stop());

const completed = async (run: RunId): Promise<RunState> => {
  const state = await world.ended(run);
  expect({ status: state.status, error: state.error }).toEqual({
    status: "completed",
    error: null,
  });
  return state;
};
const shown = async (id: ServerId): Promise<string | null> => {
  const server = await world.server(id);
  return server === null ? null : shownState(server);
};

// One that reports its boot progress and one that does not; `TEST_ALL_BMCS=1` plays all of them.
const played = process.env["TEST_ALL_BMCS"] === "1" ? [0, 1, 2, 3, 4, 5, 6, 7] : [0, 6];

describe.concurrent.each(played)("server %i of the lab", (at) => {
  const title = "is registered, installed, power-cycled, deprovisioned and decommissioned";
  it(title, { timeout: 180_000 }, async () => {
    const bmc = world.lab.bmcs[at]!;
    const { id, run } = await world.register(bmc);
    await completed(run);
    expect(await shown(id)).toBe("available");

    const install = await completed(await world.provision(id));
    expect(await shown(id)).toBe("ready");
    expect(await world.lab.snapshot(bmc.name)).toMatchObject({ media: {}, power: "On" });
    const started = await world.lab.effects(bmc.name);
    expect(started.filter(({ action }) => action === "install-started")).toHaveLength(1);
    expect(install.output).toMatchObject({ image: { format: "iso" } });

    const off = await completed(await world.lifecycle(id, "power-off"));
    expect(off.output).toMatchObject({ already: false });
    const again = await completed(await world.lifecycle(id, "power-off"));
    expect(again.output).toMatchObject({ already: true });
    await completed(await world.lifecycle(id, "reboot"));
    expect((await world.server(id))?.power).toBe("on");
    await completed(await world.lifecycle(id, "power-cycle"));
    await completed(await world.lifecycle(id, "identify-led-on"));
    expect(await world.lab.snapshot(bmc.name)).toMatchObject({ indicator: "Lit" });
    await completed(await world.lifecycle(id, "reset-bmc"));

    await completed(await world.lifecycle(id, "reprovision"));
    expect(await shown(id)).toBe("ready");
    await completed(await world.lifecycle(id, "deprovision"));
    expect(await shown(id)).toBe("available");

    const input = { serverId: id, skipErase: false, reason: null };
    const last = await world.ended(await world.start("server.decommission", input));
    if (cannotErase.some((profile) => bmc.name.includes(profile))) {
      const error = { code: "BMC_UNSUPPORTED", step: "check-unused" };
      expect(last).toMatchObject({ status: "failed", cleanup: "none", error });
      expect(await shown(id)).toBe("available");
      const reason = "shredded";
      const skipping = { serverId: id, skipErase: true, reason };
      await completed(await world.start("server.decommission", skipping));
      expect((await world.server(id))?.erase).toMatchObject({ state: "not erased", reason });
    } else {
      expect({ status: last.status, error: last.error }).toEqual({
        status: "completed",
        error: null,
      });
      expect((await world.server(id))?.erase).toMatchObject({ state: "erased" });
    }
    expect(await shown(id)).toBe("decommissioned");
    expect(await world.locks()).not.toContain(id);
  });
});
