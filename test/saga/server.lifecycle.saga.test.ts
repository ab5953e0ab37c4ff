import { expect } from "vitest";
import type { Installation, LifecycleAction } from "#contract/server.ts";
import { serverLifecycle } from "#workflows/server/lifecycle.ts";
import { bmcOf } from "#workflows/server/kit.ts";
import { type Arranged, type ArrangedServer, type Arrangement, sagaCases } from "./harness.ts";
import { managedServer, managedSubject, objectsOf, setPower, writeImage } from "./hosts.ts";
import { serverSubject } from "./subject.ts";
import type { Site } from "./site.ts";

/**
 * One action of each kind: the power cycle through all steps, the others through those in which they differ. None is
 * taken back; most leave `error` when they fail, because then nobody knows what the machine does.
 */

type Request = Arranged["request"];

const request = (
  serverId: Arranged["id"],
  action: LifecycleAction,
  reprovision: Installation | null = null,
): Request => ({
  workflow: "server.lifecycle",
  input: { serverId, action, force: true, gracePeriodMs: 0, reason: null, reprovision },
});

const onMachine =
  (action: LifecycleAction, power: "on" | "off"): Arrangement["arrange"] =>
  async (site) => {
    const bmc = await site.machine(power);
    const id = await site.server(bmc);
    return { ...serverSubject(site, id, bmc), request: request(id, action) };
  };

/** A server that was installed, with user data that it keeps for the next time. */
async function installed(
  site: Site,
): Promise<Pick<ArrangedServer, "id" | "bmc"> & { readonly installation: Installation }> {
  const bmc = await site.machine("on");
  const userData = site.secret("#cloud-config\n");
  const installation: Installation = {
    image: { ...site.installer, checksum: null, checksumType: null },
    completion: "power-off",
    userData: userData.id,
    networkData: null,
  };
  const id = await site.server(bmc, [{ type: "server.provisioned", data: installation }]);
  await site.own(id, userData);
  return { id, bmc, installation };
}

sagaCases(serverLifecycle, {
  title: "power-cycle",
  arrange: onMachine("power-cycle", "on"),
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available", power: "on" });
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({ power: "On" });
    const effects = await site.lab.effects(bmc.name);
    expect(effects.map(({ action }) => action)).toContain("power-off");
  },
});

sagaCases(serverLifecycle, {
  title: "reset-bmc",
  steps: ["apply", "await-state"],
  arrange: onMachine("reset-bmc", "off"),
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available" });
    const effects = await site.lab.effects(bmc.name);
    expect(effects.map(({ action }) => action)).toContain("bmc-restarted");
  },
  // A BMC that was restarted a moment ago cannot be told from one that was not.
  atLeastOnce: ["bmc-restarted"],
});

sagaCases(serverLifecycle, {
  title: "identify-led-on",
  steps: ["apply", "await-state"],
  broken: "available",
  arrange: onMachine("identify-led-on", "off"),
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available", indicator: "on" });
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({ indicator: "Lit" });
  },
});

sagaCases(serverLifecycle, {
  title: "enter-maintenance",
  steps: ["record"],
  broken: "available",
  arrange: onMachine("enter-maintenance", "off"),
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "maintenance" });
    expect(await site.lab.effects(bmc.name)).toEqual([]);
  },
});

sagaCases(serverLifecycle, {
  title: "deprovision",
  steps: ["apply", "record"],
  async arrange(site) {
    const { id, bmc } = await installed(site);
    // A medium that was left in: it must come out.
    const ref = bmcOf((await site.state(id))!);
    const options = { signal: AbortSignal.timeout(60_000), key: "arranged" };
    const medium = { url: site.installer.url, kind: "cd" } as const;
    await site.front.ports.bmc.insertMedia(ref, medium, options);
    await site.front.ports.bmc.disconnect(ref);
    return { ...serverSubject(site, id, bmc), request: request(id, "deprovision") };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available", power: "off", image: null });
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({ power: "Off", media: {} });
    const owned = await site.database.query("select id from secrets where owner = $1", [id]);
    expect(owned).toHaveLength(1);
  },
});

sagaCases(serverLifecycle, {
  title: "reprovision",
  steps: ["apply"],
  broken: "ready",
  async arrange(site) {
    const { id, bmc, installation } = await installed(site);
    return { ...serverSubject(site, id, bmc), request: request(id, "reprovision", installation) };
  },
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "ready", power: "on" });
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({ running: "os", media: {} });
    // Its user data is still there, for the time after this one.
    const owned = await site.database.query("select id from secrets where owner = $1", [id]);
    expect(owned).toHaveLength(2);
  },
});

const onHost =
  (action: LifecycleAction, power: "on" | "off"): Arrangement["arrange"] =>
  async (site) => {
    const bmc = await site.machine();
    const id = await managedServer(site, bmc);
    if (power === "on") await setPower(site, id, power);
    return { ...managedSubject(site, id, bmc), request: request(id, action) };
  };

/** Under Metal3 the wish goes to the host: what is asked of the BMC behind its back would be taken back. */
const powered = (action: LifecycleAction, power: "on" | "off"): Arrangement => ({
  title: `${action} under Metal3`,
  steps: ["apply"],
  arrange: onHost(action, power === "on" ? "off" : "on"),
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available", power });
    expect(await site.lab.snapshot(bmc.name)).toMatchObject({
      power: power === "on" ? "On" : "Off",
    });
    const { host } = await objectsOf(site, id);
    expect(host).toMatchObject({
      spec: { online: power === "on" },
      status: { poweredOn: power === "on" },
    });
    // What cut its power does not hold it off.
    expect(host?.metadata.annotations).not.toHaveProperty(["reboot.metal3.io/millwright"]);
  },
});
sagaCases(serverLifecycle, { ...powered("power-on", "on"), steps: ["await-state"] });
sagaCases(serverLifecycle, powered("power-off", "off"));

/** On a host with an image: only of such a one Metal3 takes how it is to be switched off. */
const onWrittenHost =
  (action: LifecycleAction): Arrangement["arrange"] =>
  async (site) => {
    const bmc = await site.machine();
    const installation: Installation = {
      image: site.diskImage,
      completion: null,
      userData: null,
      networkData: null,
    };
    const facts = [{ type: "server.provisioned", data: installation } as const];
    const id = await managedServer(site, bmc, { facts });
    await writeImage(site, id);
    return { ...managedSubject(site, id, bmc), request: request(id, action) };
  };

sagaCases(serverLifecycle, {
  title: "power-cycle under Metal3",
  steps: ["apply"],
  arrange: onWrittenHost("power-cycle"),
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "ready", power: "on" });
    const { host } = await objectsOf(site, id);
    expect(host).toMatchObject({ spec: { online: true }, status: { poweredOn: true } });
    expect(host?.metadata.annotations).not.toHaveProperty(["reboot.metal3.io/millwright"]);
    const effects = await site.lab.effects(bmc.name);
    expect(effects.filter(({ action }) => action === "power-off").at(-1)).toMatchObject({
      detail: { reset: "ForceOff" },
    });
  },
});

sagaCases(serverLifecycle, {
  title: "deprovision under Metal3",
  steps: ["apply"],
  arrange: onWrittenHost("deprovision"),
  async completed(site, { id, bmc }) {
    expect(await site.view(id)).toMatchObject({ state: "available", image: null });
    const { host } = await objectsOf(site, id);
    expect(host?.spec["image"]).toBeUndefined();
    expect(host?.status.provisioning).toEqual({ state: "available", image: { url: "" } });
    const effects = await site.lab.effects(bmc.name);
    expect(effects.filter(({ action }) => action === "disks-cleaned")).toHaveLength(1);
  },
});
