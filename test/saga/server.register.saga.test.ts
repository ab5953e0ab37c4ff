import { expect } from "vitest";
import { serverRegister } from "#workflows/server/register.ts";
import { sagaCases } from "./harness.ts";
import { serverSubject } from "./subject.ts";

/** Making a machine known, with its first inspection as a child run. What fails leaves no server behind. */
sagaCases(serverRegister, {
  async arrange(site) {
    const bmc = await site.machine();
    const id = site.ids.server();
    const { address, username, password } = bmc;
    const credentials = site.secret(JSON.stringify({ username, password }));
    return {
      ...serverSubject(site, id, bmc),
      request: {
        workflow: "server.register",
        input: {
          serverId: id,
          region: "local",
          project: "default",
          bmcAddress: address,
          credentials: credentials.id,
          tls: { mode: "pin", fingerprint256: null },
          displayName: "springfield-7g",
          tags: {},
          pool: null,
          provisioner: "redfish",
          inspect: true,
          onFailure: "undo",
        },
        secrets: [credentials],
        facts: [],
      },
    };
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
