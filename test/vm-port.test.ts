import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { VmPort, VmRef, VmState, WantedVm } from "#drivers/vm-ports.ts";
import { systemClock } from "#platform/clock.ts";
import { createIds } from "#platform/ids.ts";
import {
  type KubernetesWorld,
  namespace,
  outcome,
  startWorld,
  until,
  userData,
  writing,
} from "./kubernetes-world.ts";

/** What the port of virtual machines promises, held against KubeVirt as the lab plays it. */

let world: KubernetesWorld;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.end());
afterEach(() => world.lab.cluster.faults.clear());

const port = (): VmPort => world.ours.vms;
const ids = createIds(() => systemClock.now());
const refs = new Map<string, VmRef>();
/** Each machine is a resource of its own: what a test that failed has left is no other test's. */
const refTo = (name: string): VmRef => {
  const known = refs.get(name);
  if (known !== undefined) return known;
  const ref = { id: ids.vm(), place: world.ours.defaultPlace(namespace), name };
  refs.set(name, ref);
  return ref;
};
const wanted: WantedVm = {
  cpus: 2,
  memory: "4Gi",
  disks: [
    { name: "data", size: "1Gi", image: null, boot: false },
    { name: "root", size: "20Gi", image: "http://127.0.0.1/debian.qcow2", boot: true },
    { name: "tools", size: "1Gi", image: "docker://127.0.0.1:5000/tools:1", boot: false },
  ],
  networks: [],
  userData: "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH",
  running: true,
};
const plain: WantedVm = { ...wanted, disks: wanted.disks.slice(0, 1), userData: null };

const vms = `/apis/kubevirt.io/v1/namespaces/${namespace}/virtualmachines`;
const disks = `/apis/cdi.kubevirt.io/v1beta1/namespaces/${namespace}/datavolumes`;
const secrets = `/api/v1/namespaces/${namespace}/secrets`;

const read = (ref: VmRef): Promise<VmState | null> => port().read(ref, writing());
const has = async (ref: VmRef, power: VmState["power"]): Promise<VmState> => {
  const state = await until(
    () => read(ref),
    (seen) => seen?.power === power,
  );
  if (state === null) throw new Error("it is gone");
  return state;
};
const statusOf = async (path: string): Promise<number> => (await world.lab.ask("GET", path)).status;
const gone = (ref: VmRef, keepDisks = false): Promise<unknown> =>
  until(
    () => port().delete(ref, { keepDisks }, writing()),
    (answer) => answer === "gone",
  );
const created = async (name: string, wish: WantedVm = plain): Promise<VmRef> => {
  const ref = refTo(name);
  await port().create(ref, wish, writing());
  return ref;
};

it("creates, stops, starts, restarts, pauses and removes a machine, and does nothing twice", async () => {
  const ref = refTo("life");
  expect(await read(ref)).toBeNull();
  await port().check(ref, wanted, writing());
  expect(await read(ref)).toBeNull();
  expect(await port().create(ref, wanted, writing())).toBe("asked");
  expect(await port().create(ref, wanted, writing())).toBe("already");
  // The instance runs a moment before KubeVirt prints that of the machine.
  const running = await until(
    () => read(ref),
    (seen) => seen?.power === "running" && seen.printableStatus === "Running",
  );
  if (running === null) throw new Error("it is gone");
  expect(running).toMatchObject({
    deleting: false,
    runStrategy: "Always",
    instance: { phase: "Running" },
    problems: [],
  });
  expect(running.node).not.toBeNull();
  expect(running.addresses).not.toEqual([]);
  const names = running.disks.map(({ name, phase }) => `${name} ${phase}`);
  expect(names.toSorted()).toEqual(["data Succeeded", "root Succeeded", "tools Succeeded"]);
  const secret = JSON.parse((await world.lab.ask("GET", `${secrets}/life-cloud-init`)).text) as {
    data: { userdata: string };
  };
  expect(Buffer.from(secret.data.userdata, "base64").toString()).toBe(userData);

  expect(await port().setPaused(ref, true, writing())).toBe("asked");
  await has(ref, "paused");
  expect(await port().setPaused(ref, true, writing())).toBe("already");
  expect(await port().setPaused(ref, false, writing())).toBe("asked");
  await has(ref, "running");
  expect(await port().setPaused(ref, false, writing())).toBe("already");

  const uid = running.instance?.uid ?? "";
  expect(await port().restart(ref, { uid, force: false }, writing())).toBe("asked");
  expect(await port().restart(ref, { uid, force: false }, writing())).toBe("asked");
  const again = await until(
    () => read(ref),
    (seen) => seen?.power === "running" && seen.instance?.uid !== uid,
  );
  expect(await port().restart(ref, { uid, force: false }, writing())).toBe("already");
  const next = again?.instance?.uid ?? "";
  expect(await port().restart(ref, { uid: next, force: true }, writing())).toBe("asked");
  await until(
    () => read(ref),
    (seen) => seen?.power === "running" && seen.instance?.uid !== next,
  );

  const off = { running: false, force: false };
  expect(await port().setRunning(ref, off, writing())).toBe("asked");
  expect(await port().setRunning(ref, off, writing())).toBe("already");
  const stopped = await has(ref, "stopped");
  expect([stopped.instance, stopped.runStrategy]).toEqual([null, "Halted"]);
  expect(await outcome(port().setPaused(ref, true, writing()))).toBe("CONFLICT not-running");
  expect(await outcome(port().restart(ref, { uid, force: false }, writing()))).toBe(
    "CONFLICT not-running",
  );
  const on = { running: true, force: false };
  expect(await port().setRunning(ref, on, writing())).toBe("asked");
  expect(await port().setRunning(ref, on, writing())).toBe("already");
  await has(ref, "running");

  expect(await port().delete(ref, { keepDisks: false }, writing())).toBe("asked");
  expect((await read(ref))?.deleting ?? true).toBe(true);
  await gone(ref);
  expect(await read(ref)).toBeNull();
  expect(await port().delete(ref, { keepDisks: false }, writing())).toBe("gone");
  for (const path of [`${secrets}/life-cloud-init`, `${disks}/life-root`, `${disks}/life-data`]) {
    expect([path, await statusOf(path)]).toEqual([path, 404]);
  }
  expect(await outcome(port().setRunning(ref, on, writing()))).toBe("NOT_FOUND");
  expect(await outcome(port().setPaused(ref, true, writing()))).toBe("NOT_FOUND");
  expect(await outcome(port().restart(ref, { uid, force: false }, writing()))).toBe("NOT_FOUND");
});

it("is stopped when it was not to be started, and not before KubeVirt has looked at it", async () => {
  const ref = await created("halted", { ...plain, running: false, networks: ["lan", "other/san"] });
  const seen: VmState[] = [];
  await until(
    async () => {
      const state = await read(ref);
      if (state !== null) seen.push(state);
      return state;
    },
    (state) => state?.power === "stopped",
  );
  for (const { power, summary } of seen.filter(({ printableStatus }) => printableStatus === "")) {
    expect([power, summary]).toEqual([null, "KubeVirt has not looked at it yet"]);
  }
  await gone(ref);
});

it("never takes the wish to run over from another field manager, but from KubeVirt itself", async () => {
  const ref = await created("shared", { ...plain, running: false });
  await has(ref, "stopped");
  const writeAs = async (manager: string, runStrategy: string): Promise<void> => {
    const told = await world.lab.ask("PATCH", `${vms}/${ref.name}?fieldManager=${manager}`, {
      type: "application/merge-patch+json",
      body: { spec: { runStrategy } },
    });
    expect([told.status, told.text.slice(0, 300)]).toEqual([200, expect.anything()]);
  };
  const wish = (running: boolean) => ({ running, force: false });
  const refused = "CONFLICT FieldManagerConflict";
  await port().checkRunning(ref, true, writing());
  await writeAs("flux", "Manual");
  for (const running of [true, false]) {
    expect(await outcome(port().checkRunning(ref, running, writing()))).toBe(refused);
    expect(await outcome(port().setRunning(ref, wish(running), writing()))).toBe(refused);
  }
  expect((await read(ref))?.runStrategy).toBe("Manual");
  await writeAs("flux", "Halted");
  // What it is already is no change, whoever says so.
  expect(await port().setRunning(ref, wish(false), writing())).toBe("already");
  // As `virtctl start` and `virtctl stop`, which have virt-api write it.
  for (const manager of ["virt-api", "virt-controller"]) {
    await writeAs(manager, "Manual");
    await port().checkRunning(ref, false, writing());
    expect(await port().setRunning(ref, wish(false), writing())).toBe("asked");
  }
  await gone(ref);
});

it("keeps the disks when they are to be kept", async () => {
  const ref = await created("keeper");
  await has(ref, "running");
  expect(await port().delete(ref, { keepDisks: true }, writing())).toBe("asked");
  await gone(ref, true);
  expect(await port().delete(ref, { keepDisks: true }, writing())).toBe("gone");
  expect(await statusOf(`${disks}/keeper-data`)).toBe(200);
  expect(await port().delete(ref, { keepDisks: false }, writing())).toBe("asked");
  await gone(ref);
  expect(await statusOf(`${disks}/keeper-data`)).toBe(404);
});

it("takes disks that are to be kept from a machine only while that is being deleted", async () => {
  const ref = await created("keeper-delete-hangs");
  await has(ref, "running");
  const keeping = (): Promise<unknown> => port().delete(ref, { keepDisks: true }, writing());
  const finalizers = async (): Promise<readonly string[]> =>
    (await world.lab.ask("GET", `${vms}/${ref.name}`)).body.metadata.finalizers ?? [];
  // KubeVirt gives a disk without an owner back to its machine until that is being deleted.
  world.lab.cluster.faults.add({ method: "DELETE", path: ref.name, status: 503, times: 9 });
  expect(await outcome(keeping())).toMatch(/^KUBERNETES_UNAVAILABLE/);
  world.lab.cluster.faults.clear();
  expect(await port().disks(ref, writing())).toEqual([{ name: "data", owned: true }]);
  expect(await finalizers()).toContain("millwright.dev/keep-disks");
  expect(await keeping()).toBe("asked");
  expect(await port().disks(ref, writing())).toEqual([{ name: "data", owned: false }]);
  expect(await finalizers()).toContain("millwright.dev/keep-disks");
  expect(await keeping()).toBe("asked");
  expect(await finalizers()).toEqual(["kubevirt.io/virtualMachineControllerFinalize"]);
  expect(await port().disks(ref, writing())).toEqual([{ name: "data", owned: false }]);
});

it("lets a machine go with its disks that was to go without them", async () => {
  const ref = await created("changed", { ...plain, running: false });
  await has(ref, "stopped");
  world.lab.cluster.faults.add({ method: "DELETE", path: ref.name, status: 503, times: 9 });
  expect(await outcome(port().delete(ref, { keepDisks: true }, writing()))).toMatch(
    /^KUBERNETES_UNAVAILABLE/,
  );
  world.lab.cluster.faults.clear();
  await gone(ref);
  expect(await port().disks(ref, writing())).toEqual([]);
});

it("never touches what is another's", async () => {
  const ref = refTo("stranger");
  await world.plant({
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachine",
    metadata: { name: ref.name, namespace },
    spec: {
      runStrategy: "Halted",
      template: { spec: { domain: { devices: {} } } },
    },
  });
  const verbs = [
    () => port().check(ref, plain, writing()),
    () => port().create(ref, plain, writing()),
    () => port().read(ref, writing()),
    () => port().setRunning(ref, { running: true, force: false }, writing()),
    () => port().setPaused(ref, true, writing()),
    () => port().restart(ref, { uid: "u-1", force: false }, writing()),
  ];
  for (const verb of verbs) expect(await outcome(verb())).toBe("CONFLICT not-ours");
  expect(await port().delete(ref, { keepDisks: false }, writing())).toBe("gone");
  const there = (await world.lab.ask("GET", `${vms}/${ref.name}`)).body;
  expect(there.metadata.deletionTimestamp).toBeUndefined();
  expect(there.spec["runStrategy"]).toBe("Halted");
});

it("refuses names that are taken, and undoes without touching what bears them", async () => {
  const secret = { name: "taken-cloud-init", namespace };
  await world.plant({ apiVersion: "v1", kind: "Secret", metadata: secret });
  const disk = (name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> =>
    world.plant({
      apiVersion: "cdi.kubevirt.io/v1beta1",
      kind: "DataVolume",
      metadata: { name, namespace, labels },
      spec: { source: { blank: {} }, storage: { resources: { requests: { storage: "1Gi" } } } },
    });
  const ref = refTo("taken");
  const wish = { ...plain, userData: wanted.userData };
  expect(await outcome(port().check(ref, wish, writing()))).toBe("CONFLICT not-ours");
  expect(await outcome(port().create(ref, wish, writing()))).toBe("CONFLICT not-ours");
  // Without user data there is no Secret of ours, whatever else has that name.
  await port().check(ref, plain, writing());
  await port().create(ref, plain, writing());
  await gone(ref);
  expect(await read(ref)).toBeNull();
  expect(await statusOf(`${secrets}/taken-cloud-init`)).toBe(200);

  await disk("a-b-data");
  expect(await outcome(port().check(refTo("a-b"), plain, writing()))).toBe("CONFLICT not-ours");
  const kept = { "millwright.dev/resource": "vm_01KAP5ZV9QJ5T1W7R9D0C3M8XK" };
  await disk("again-data", kept);
  const again = port().check(refTo("again"), plain, writing());
  await expect(again).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringContaining("kubectl delete datavolume again-data -n "),
    details: { reason: "disk-kept", object: "DataVolume/again-data" },
  });
});

it("refuses what KubeVirt refuses", async () => {
  const twice = [...plain.disks, ...plain.disks];
  expect(await outcome(port().check(refTo("refused"), { ...plain, disks: twice }, writing()))).toBe(
    "VALIDATION_ERROR",
  );
  expect(await read(refTo("refused"))).toBeNull();
});

it("says what is wrong while KubeVirt goes on trying", async () => {
  const image: WantedVm = { ...wanted, userData: null };
  const cases: readonly (readonly [string, WantedVm, RegExp])[] = [
    ["web-unschedulable", plain, /^ErrorUnschedulable/],
    ["web-image-missing", image, /^DataVolumeError/],
    ["web-crash-loop", plain, /^CrashLoopBackOff/],
  ];
  for (const [name, wish, expected] of cases) {
    const ref = await created(name, wish);
    const seen = await until(
      () => read(ref),
      (state) => state?.problems.some(({ reason }) => expected.test(reason)) === true,
    );
    expect(seen?.summary).toMatch(expected);
    // KubeVirt will start it again, so it has not stopped either.
    expect(seen?.power).toBeNull();
    await gone(ref);
  }
});

it("stops by force what does not stop, and shows a deletion that hangs", async () => {
  const stubborn = await created("web-stop-hangs");
  await has(stubborn, "running");
  expect(await port().setRunning(stubborn, { running: false, force: false }, writing())).toBe(
    "asked",
  );
  await until(
    () => read(stubborn),
    (seen) => seen?.printableStatus === "Stopping",
  );
  expect((await read(stubborn))?.power).toBeNull();
  expect(await port().setRunning(stubborn, { running: false, force: true }, writing())).toBe(
    "asked",
  );
  await has(stubborn, "stopped");
  expect(await port().setRunning(stubborn, { running: false, force: true }, writing())).toBe(
    "already",
  );
  await gone(stubborn);
  const hanging = await created("web-delete-hangs");
  await has(hanging, "running");
  await port().delete(hanging, { keepDisks: false }, writing());
  const leaving = await until(
    () => read(hanging),
    (seen) => seen?.printableStatus === "Terminating",
  );
  expect([leaving?.deleting, leaving?.summary]).toEqual([true, "Terminating"]);
});

it("is unavailable while the API server is, and goes on afterwards", async () => {
  const ref = refTo("adversity");
  const { faults } = world.lab.cluster;
  for (const fault of [{ status: 429 }, { status: 503 }, { cut: "before" as const }]) {
    faults.add(fault);
    expect(await outcome(read(ref))).toMatch(/^KUBERNETES_UNAVAILABLE/);
    faults.clear();
  }
  faults.add({ method: "POST", path: "virtualmachines", cut: "after", times: 1 });
  expect(await outcome(port().create(ref, plain, writing()))).toMatch(/already|reset/);
  expect(await port().create(ref, plain, writing())).toBe("already");
  await has(ref, "running");
  faults.add({ method: "PATCH", path: ref.name, status: 409, times: 2 });
  expect(await port().setRunning(ref, { running: false, force: false }, writing())).toBe("asked");
  await has(ref, "stopped");
  // Not until it says gone: for a minute the create that was cut off may still arrive.
  expect(await port().delete(ref, { keepDisks: false }, writing())).toBe("asked");
  await until(
    () => read(ref),
    (seen) => seen === null,
  );
});

it("keeps user data out of the log", () => {
  expect(world.logged.join("\n")).not.toContain("sesame");
});
