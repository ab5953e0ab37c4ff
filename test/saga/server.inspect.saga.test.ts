import { expect } from "vitest";
import { hostName } from "#contract/host-name.ts";
import { serverInspect } from "#workflows/server/inspect.ts";
import { sagaCases } from "./harness.ts";
import { managedServer, managedSubject } from "./hosts.ts";
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

/** Under Metal3 a server that was inspected before is inspected anew, for which Metal3 starts it and switches it off again. */
sagaCases(serverInspect, {
  title: "under Metal3",
  steps: ["read-inventory"],
  async arrange(site) {
    const bmc = await site.machine();
    const id = await managedServer(site, bmc);
    return {
      ...managedSubject(site, id, bmc),
      request: { workflow: "server.inspect", input: { serverId: id } },
    };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available" });
    const { disks } = (await site.lab.snapshot(bmc.name)) as { readonly disks: readonly object[] };
    expect((await site.state(id))?.inventory?.drives).toHaveLength(disks.length);
    const asked = (await site.lab.effectsOf(hostName(id))).filter(({ key }) =>
      key?.endsWith("/read-inventory"),
    );
    // Once for each run that there was: the first, and its retry.
    expect(asked).toHaveLength(new Set(asked.map(({ key }) => key)).size);
    expect(asked).not.toHaveLength(0);
  },
});
