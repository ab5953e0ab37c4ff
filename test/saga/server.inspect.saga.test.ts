import { expect } from "vitest";
import { serverInspect } from "#workflows/server/inspect.ts";
import { sagaCases } from "./harness.ts";
import { serverSubject } from "./subject.ts";

/** Reading a machine that is off: it changes nothing, whatever strikes it, and finds everything that it recorded. */
sagaCases(serverInspect, {
  async arrange(site) {
    const bmc = await site.machine();
    const id = await site.server(bmc);
    return {
      ...serverSubject(site, id, bmc),
      request: { workflow: "server.inspect", input: { serverId: id } },
    };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available", power: "off" });
    const { disks } = (await site.lab.snapshot(bmc.name)) as { readonly disks: readonly object[] };
    expect((await site.state(id))?.inventory?.drives).toHaveLength(disks.length);
    expect(await site.lab.effects(bmc.name)).toEqual([]);
  },
});
