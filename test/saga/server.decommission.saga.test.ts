import { expect } from "vitest";
import { serverDecommission } from "#workflows/server/decommission.ts";
import { type Arranged, type ArrangedServer, sagaCases } from "./harness.ts";
import { serverSubject } from "./subject.ts";
import type { Site } from "./site.ts";

/** Taking a machine out of use that is on. Afterwards the same machine may be registered anew. */
sagaCases(serverDecommission, {
  async arrange(site) {
    const bmc = await site.machine("on");
    const id = await site.server(bmc);
    const input = { serverId: id, skipErase: false, reason: null };
    return { ...serverSubject(site, id, bmc), request: { workflow: "server.decommission", input } };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({
      state: "decommissioned",
      power: "off",
      erase: { state: "erased" },
    });
    const machine = await site.lab.snapshot(bmc.name);
    expect(machine).toMatchObject({ power: "Off", erasing: [] });
    const { disks } = machine as { readonly disks: readonly { readonly erased: unknown }[] };
    expect(disks.filter(({ erased }) => erased === null)).toEqual([]);
    const secrets = await site.database.query("select id from secrets where owner = $1", [id]);
    expect(secrets).toEqual([]);
  },
  next: registration,
  // A BMC forgets the tasks of an erase some minutes after its end: not before it is looked at, here either.
  labSpeed: 60,
  // Of two erases one after the other nobody knows which one was asked for; while one runs there is no second.
  atLeastOnce: ["erase-started"],
});

function registration(site: Site, { bmc }: ArrangedServer): Arranged["request"] {
  const { address, username, password } = bmc;
  const credentials = site.secret(JSON.stringify({ username, password }));
  return {
    workflow: "server.register",
    input: {
      serverId: site.ids.server(),
      region: "local",
      project: "default",
      bmcAddress: address,
      credentials: credentials.id,
      tls: { mode: "pin", fingerprint256: null },
      displayName: null,
      tags: {},
      pool: null,
      provisioner: "redfish",
      inspect: false,
      onFailure: "undo",
    },
    secrets: [credentials],
    facts: [],
  };
}
