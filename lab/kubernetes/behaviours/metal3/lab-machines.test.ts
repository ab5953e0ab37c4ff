import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Faults } from "#lab/bmc/fault.ts";
import { Fleet } from "#lab/fleet.ts";
import { FakeCluster } from "#lab/kubernetes/behaviours/testing/fake-cluster.ts";
import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import type { ObjectKey } from "#lab/kubernetes/object.ts";
import { idrac9 } from "#lab/profiles/idrac9.ts";
import { Journal } from "#lab/world/journal.ts";
import { powerState, presentDisks } from "#lab/world/machine.ts";
import { timingAt } from "#lab/world/timing.ts";
import { World } from "#lab/world/world.ts";
import { hostKind } from "./host.ts";
import type { HostStatus } from "./host.ts";
import { labMachines } from "./lab-machines.ts";
import type { Machines } from "./machines.ts";
import { metal3 } from "./metal3.ts";

const image = { url: "http://images.test/debian-13.qcow2", checksum: "abc" };

/** A lab without a network: real machines on the clock of the fake cluster. */
let folder: string;
let journal: Journal;
let world: World;
let fleet: Fleet;
let cluster: FakeCluster;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "lab-machines-"));
  journal = new Journal(folder);
  const clock = (): number => cluster.now;
  const network = { readMedia: async () => [], deliver: async () => true };
  world = new World({ clock, journal, network, callbackDelayMs: () => 1 });
  const faults = new Faults();
  fleet = new Fleet({ world, journal, faults, clock, timing: timingAt(1), host: "127.0.0.1" });
  const machines: Machines = labMachines({ world, fleet });
  cluster = new FakeCluster([metal3({ machines })]);
});

afterEach(async () => {
  await fleet.close();
  world.close();
  journal.close();
  rmSync(folder, { recursive: true });
});

async function enrol(name: string): Promise<ObjectKey> {
  await fleet.addAll([{ name, profile: idrac9, port: null, isAdded: true }]);
  const port = fleet.get(name)?.port ?? 0;
  const encoded = (text: string): string => Buffer.from(text).toString("base64");
  const { username, password } = idrac9.account;
  cluster.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "bmc", namespace: "metal" },
    data: { username: encoded(username), password: encoded(password) },
  });
  const address = `idrac-virtualmedia+https://127.0.0.1:${port}/redfish/v1/Systems/System.Embedded.1`;
  cluster.create({
    apiVersion: "metal3.io/v1alpha1",
    kind: "BareMetalHost",
    metadata: { name: "host", namespace: "metal" },
    spec: { online: true, bmc: { address, credentialsName: "bmc" } },
  });
  return key;
}

const key: ObjectKey = { kind: hostKind, namespace: "metal", name: "host" };

function status(): HostStatus {
  return cluster.expect(key)["status"] as HostStatus;
}

function until(state: string, limitMs: number): void {
  cluster.advanceUntil(() => status().provisioning.state === state, limitMs);
}

function setImage(wanted: object | undefined): void {
  cluster.update(key, (host) => ({
    ...host,
    spec: { ...(host["spec"] as object), image: wanted },
  }));
}

function actions(name: string): readonly string[] {
  return world.effects.of(name).map(({ action }) => action);
}

describe("a host whose machine is one of the lab's", () => {
  test("shows its hardware, and the power that Redfish shows", async () => {
    await enrol("real-1");
    until("available", 6 * minute);
    const { hardware } = status();
    expect(hardware?.systemVendor.manufacturer).toBe(idrac9.vendor);
    expect(hardware?.storage.map(({ serialNumber }) => serialNumber)).toEqual(
      world.machine("real-1").disks.map(({ serial }) => serial),
    );
    cluster.advance(2 * minute);
    expect(status().poweredOn).toBe(true);
    expect(powerState(world.machine("real-1"))).toBe("On");
    world.command("real-1", { do: "reset", type: "ForceOff" });
    cluster.advance(10 * second);
    expect(status().poweredOn).toBe(true);
    cluster.advance(3 * minute);
    expect(actions("real-1").filter((action) => action === "power-on")).toHaveLength(2);
    expect(status().poweredOn).toBe(true);
  });

  test("runs what Metal3 wrote, until that is cleaned away; everything once", async () => {
    await enrol("real-1");
    until("available", 6 * minute);
    setImage(image);
    until("provisioned", 6 * minute);
    cluster.advance(2 * minute);
    expect(presentDisks(world.machine("real-1"))[0]).toMatchObject({ os: "debian-13" });
    expect(world.machine("real-1").phase.kind).toBe("os");
    setImage(undefined);
    until("available", 6 * minute);
    expect(presentDisks(world.machine("real-1"))[0]).toMatchObject({ os: null, remains: true });
    for (const action of ["install-finished", "disks-cleaned"]) {
      expect(actions("real-1").filter((done) => done === action)).toHaveLength(1);
    }
    expect(cluster.effects).toEqual([]);
  });

  test.each([
    ["bmc-dead", "cannot be reached"],
    ["bad-password", "401"],
  ])("is not registered with %s", async (fault, why) => {
    await enrol(`real-${fault}`);
    cluster.advance(minute);
    expect(status()).toMatchObject({ errorType: "registration error", errorCount: 1 });
    expect(status().errorMessage).toContain(why);
  });

  test("is never provisioned where installers hang", async () => {
    await enrol("real-install-hangs");
    until("available", 6 * minute);
    setImage(image);
    cluster.advanceUntil(() => status().errorType === "provisioning error", 6 * minute);
    cluster.advance(30 * minute);
    expect(status().provisioning.image.url).toBe("");
    expect(
      actions("real-install-hangs").filter((a) => a === "install-broken").length,
    ).toBeGreaterThan(1);
  });

  test("does not come out of deprovisioning where drives are not erased", async () => {
    await enrol("real-erase-fails");
    until("available", 6 * minute);
    setImage(image);
    until("provisioned", 6 * minute);
    setImage(undefined);
    cluster.advance(30 * minute);
    expect(status().provisioning.state).toBe("deprovisioning");
    expect(actions("real-erase-fails")).toContain("erase-failed");
    cluster.delete(key);
    cluster.advanceUntil(() => cluster.get(key) === undefined, 60 * minute);
  });

  test("is switched off before it goes, also while it is only being switched on", async () => {
    await enrol("real-1");
    until("inspecting", minute);
    cluster.advanceUntil(() => powerState(world.machine("real-1")) === "PoweringOn", 5 * second);
    cluster.delete(key);
    cluster.advanceUntil(() => cluster.get(key) === undefined, minute);
    cluster.advance(minute);
    expect(powerState(world.machine("real-1"))).toBe("Off");
    expect(actions("real-1")).toEqual(["power-on", "power-off", "powered-off"]);
  });

  test("never reaches its power where the BMC lies", async () => {
    await enrol("real-lies-about-power");
    until("available", 6 * minute);
    cluster.advance(2 * minute);
    expect(status()).toMatchObject({ errorType: "power management error", poweredOn: false });
  });
});
