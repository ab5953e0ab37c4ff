import { expect } from "vitest";
import type { ServerId } from "#contract/ids.ts";
import { serverRegister } from "#workflows/server/register.ts";
import { type Arranged, sagaCases } from "./harness.ts";
import { managedSubject, objectsOf, place } from "./hosts.ts";
import type { LabBmc } from "./lab-process.ts";
import type { Site } from "./site.ts";
import { serverSubject } from "./subject.ts";

function registration(
  site: Site,
  { address, username, password }: LabBmc,
  more: object,
): { readonly id: ServerId; readonly request: Arranged["request"] } {
  const id = site.ids.server();
  const credentials = site.secret(JSON.stringify({ username, password }));
  const input = {
    serverId: id,
    region: "local",
    project: "default",
    bmcAddress: address,
    credentials: credentials.id,
    tls: { mode: "pin", fingerprint256: null },
    displayName: "springfield-7g",
    tags: {},
    pool: null,
    inspect: true,
    onFailure: "undo",
    ...more,
  };
  return {
    id,
    request: { workflow: "server.register", input, secrets: [credentials], facts: [] },
  };
}

/** Making a machine known, with its first inspection as a child run. What fails leaves no server behind. */
sagaCases(serverRegister, {
  skips: ["enroll"],
  async arrange(site) {
    const bmc = await site.machine();
    const { id, request } = registration(site, bmc, { provisioner: "redfish" });
    return { ...serverSubject(site, id, bmc), request };
  },
  async completed(site, { id, bmc }) {
    const { fingerprint256 } = bmc;
    expect(await site.view(id)).toMatchObject({
      state: "available",
      power: "off",
      bmc: { tls: { fingerprint256 } },
    });
    expect(await site.lab.effects(bmc.name)).toEqual([]);
    const owned = await site.database.query("select id from secrets where owner = $1", [id]);
    expect(owned).toHaveLength(1);
  },
});

/** Under Metal3 the machine becomes a host, whose own inspection is the first one. What fails leaves no host behind. */
sagaCases(serverRegister, {
  title: "under Metal3",
  steps: ["enroll", "inspect-now"],
  async arrange(site) {
    const bmc = await site.machine();
    const { id, request } = registration(site, bmc, { provisioner: "metal3", host: place });
    return { ...managedSubject(site, id, bmc), request };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available", provisioner: "metal3" });
    const { drives } = (await site.state(id))?.inventory ?? {};
    const { disks } = (await site.lab.snapshot(bmc.name)) as { readonly disks: readonly object[] };
    expect(drives).toHaveLength(disks.length);
    const { host, others } = await objectsOf(site, id);
    expect(host).toMatchObject({ spec: { online: false } });
    expect(host?.spec["image"]).toBeUndefined();
    // The credentials and what was found.
    expect(others).toHaveLength(2);
  },
});
