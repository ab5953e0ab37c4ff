import { expect, vi } from "vitest";
import type { Run } from "#contract/run.ts";
import { imageOf, runPath, serverPath } from "#test/processes/api.ts";
import type { Slice } from "#test/processes/stand-in.ts";
import type { TriggerWorld } from "./trigger-world.ts";

/** An installation at Trigger.dev, which takes long enough for something to happen to it in the middle. */
export const installations = (trigger: () => TriggerWorld) => {
  const slicesOf = (run: string): Promise<readonly Slice[]> => trigger().platform.slicesOf(run);
  const newest = async (run: string): Promise<string | undefined> =>
    (await slicesOf(run)).at(-1)?.status;
  /** Of the newest slice. `expect.poll` would not know to which of several tests at a time it belongs. */
  const becomes = (run: string, status: string): Promise<void> =>
    vi.waitFor(async () => expect(await newest(run)).toBe(status), {
      timeout: 60_000,
      interval: 50,
    });
  return {
    slicesOf,
    newest,
    becomes,
    executing: (run: string): Promise<void> => becomes(run, "EXECUTING"),
    view: async (run: string): Promise<Run> =>
      (await trigger().api.good<Run>("GET", runPath(run))).data,
    async provision(id: string): Promise<string> {
      const { api, world } = trigger();
      const body = { image: imageOf(world.lab.image("iso")), completion: "power-off" };
      return (await api.good("POST", `${serverPath(id)}/provision`, { body })).run;
    },
    /** The run is completed, nothing was done twice, and nobody holds anything. */
    async expectDoneOnce(run: Run, bmc: string): Promise<void> {
      const { api, world } = trigger();
      expect(run.status, await api.story(run.id)).toBe("completed");
      const effects = await world.lab.effects(bmc);
      const own = effects
        .filter(({ key }) => key?.startsWith(`${run.id}/`) === true)
        .map(({ key, action, detail }) => `${key} ${action} ${JSON.stringify(detail)}`);
      expect(own.length).toBeGreaterThan(4);
      expect(own.filter((effect, at) => own.indexOf(effect) !== at)).toEqual([]);
      expect(effects.filter(({ action }) => action === "install-started")).toHaveLength(1);
      expect(await api.server(run.resourceId)).toMatchObject({ state: "ready", activeRunId: null });
    },
  };
};
