import { expect } from "vitest";
import { z } from "zod";
import type { Completion } from "#contract/server.ts";
import { backends } from "#test/backends.ts";
import { serverProvision } from "#workflows/server/provision.ts";
import { type Arrangement, sagaCases } from "./harness.ts";
import { hostRef, managedServer, managedSubject, objectsOf } from "./hosts.ts";
import { serverSubject } from "./subject.ts";

/** Installing a machine that is on, with a config drive and a secret on it. */
const installation = (
  completion: Completion,
): Pick<Arrangement, "skips" | "arrange" | "completed"> => ({
  skips: ["stage-config", "apply-image", "await-provisioned"],
  async arrange(site) {
    const bmc = await site.machine("on");
    const id = await site.server(bmc);
    const userData = site.secret("#cloud-config\n");
    const input = {
      serverId: id,
      image: { ...site.installer, checksum: null, checksumType: null },
      completion,
      userData: userData.id,
      networkData: null,
      onFailure: "undo",
    };
    return {
      ...serverSubject(site, id, bmc),
      request: { workflow: "server.provision", input, secrets: [userData] },
    };
  },
  async completed(site, { id, bmc }) {
    const { installed, reservations } = (await site.state(id)) ?? {};
    expect(await site.view(id)).toMatchObject({ state: "ready", power: "on" });
    expect(reservations).toEqual([]);
    expect(await site.front.secrets.reveal(installed!.userData!)).toBe("#cloud-config\n");
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({
      power: "On",
      running: "os",
      media: {},
      boot: { enabled: "Disabled" },
    });
    // A retry from the power cycle installs once more; nothing else does.
    const effects = await site.lab.effects(bmc.name);
    const cycles = effects.filter(
      ({ action, key }) => action === "power-on" && key?.endsWith("/power-cycle") === true,
    );
    const installations = effects.filter(({ action }) => action === "install-started");
    expect(installations).toHaveLength(new Set(cycles.map(({ key }) => key)).size);
  },
});

sagaCases(serverProvision, { title: "by power-off", ...installation("power-off") }, backends);

/** The lab is so quick that nobody sees the installed system restart: the installer's call-back tells. */
sagaCases(serverProvision, {
  title: "by boot progress",
  steps: ["await-install", "eject-media"],
  ...installation("boot-progress"),
});

/** Under Metal3: a disk image with user data beside it, which must be there for as long as the host speaks of it. */
sagaCases(serverProvision, {
  title: "under Metal3",
  steps: ["stage-config", "apply-image", "await-provisioned"],
  skips: ["insert-media", "set-boot-once", "power-cycle", "await-install", "eject-media"],
  async arrange(site) {
    const bmc = await site.machine();
    const id = await managedServer(site, bmc);
    const userData = site.secret("#cloud-config\n");
    const input = {
      serverId: id,
      image: site.diskImage,
      completion: null,
      userData: userData.id,
      networkData: null,
      onFailure: "undo",
    };
    return {
      ...managedSubject(site, id, bmc),
      request: { workflow: "server.provision", input, secrets: [userData] },
    };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "ready", power: "on" });
    expect((await site.state(id))?.reservations).toEqual([]);
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({ power: "On", running: "os" });
    const { host, others } = await objectsOf(site, id);
    expect(host).toMatchObject({
      spec: { online: true, image: { url: site.diskImage.url } },
      status: { provisioning: { state: "provisioned", image: { url: site.diskImage.url } } },
    });
    const { name } = z.object({ name: z.string() }).parse(host?.spec["userData"]);
    expect(others.filter((key) => key.startsWith("Secret ")).map((key) => key.slice(7))).toEqual([
      `default/${hostRef(id).name}-bmc`,
      `default/${name}`,
    ]);
    // It was written once for each run that wished for it, or less often: a retry cuts short what the run before it began.
    const effects = await site.lab.effects(bmc.name);
    const written = effects.filter(({ action }) => action === "install-finished");
    const wishes = (await site.lab.effectsOf(hostRef(id).name)).filter(
      ({ key, target }) => key?.endsWith("/apply-image") && target.startsWith("BareMetalHost/"),
    );
    const runs = new Set(wishes.map(({ key }) => key));
    expect(written.length).toBeGreaterThan(0);
    expect(written.length).toBeLessThanOrEqual(runs.size);
  },
});
