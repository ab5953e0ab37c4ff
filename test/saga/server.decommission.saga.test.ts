import { expect } from "vitest";
import { serverDecommission } from "#workflows/server/decommission.ts";
import { type Arranged, type ArrangedServer, sagaCases } from "./harness.ts";
import { managedServer, managedSubject, objectsOf, writeImage } from "./hosts.ts";
import { serverSubject } from "./subject.ts";
import type { Site } from "./site.ts";

/** Taking a machine out of use that is on. Afterwards the same machine may be registered anew. */
sagaCases(serverDecommission, {
  skips: ["unenroll"],
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

/** Under Metal3 the disks are cleaned, and the host goes with everything that was beside it. */
sagaCases(serverDecommission, {
  title: "under Metal3",
  steps: ["erase", "unenroll"],
  skips: ["power-off"],
  async arrange(site) {
    const bmc = await site.machine();
    const id = await managedServer(site, bmc);
    await writeImage(site, id);
    const input = { serverId: id, skipErase: false, reason: null };
    const request = { workflow: "server.decommission", input } as const;
    return { ...managedSubject(site, id, bmc), request };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({
      state: "decommissioned",
      erase: { state: "erased", method: "metal3 automated cleaning (metadata)" },
    });
    expect(await objectsOf(site, id)).toEqual({ host: null, others: [] });
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({ power: "Off" });
    const effects = await site.lab.effects(bmc.name);
    expect(effects.filter(({ action }) => action === "disks-cleaned")).toHaveLength(1);
    const secrets = await site.database.query("select id from secrets where owner = $1", [id]);
    expect(secrets).toEqual([]);
  },
  next: registration,
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
