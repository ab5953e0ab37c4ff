import { describe, expect, test } from "vitest";
import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import type { ObjectKey } from "#lab/kubernetes/object.ts";
import { claimKind, volumeKind } from "./objects.ts";
import { hasOfficialSchemas, problemsSoFar, VmBench } from "./testing/vm-bench.ts";

describe("a virtual machine", () => {
  test("runs twenty seconds after it was made, with a node and an address", () => {
    const bench = new VmBench();
    bench.create();
    expect(bench.until("Running")).toBe(20 * second);
    expect(bench.status).toMatchObject({ created: true, ready: true, runStrategy: "Always" });
    expect(bench.printings).toEqual(["Starting", "Running"]);
    const status = bench.instanceStatus;
    expect(status.phaseTransitionTimestamps?.map(({ phase }) => phase)).toEqual([
      "Pending",
      "Scheduling",
      "Scheduled",
      "Running",
    ]);
    expect(status.nodeName).toMatch(/^lab-node-/);
    expect(status.interfaces).toMatchObject([
      { name: "default", ipAddress: expect.stringMatching(/^10\.244\./) },
    ]);
    expect(bench.instance?.metadata.finalizers).toEqual([
      "kubevirt.io/foregroundDeleteVirtualMachine",
    ]);
    expect(bench.status.conditions?.map(({ type, status: is }) => `${type} ${is}`)).toEqual([
      "Ready True",
      "Synchronized True",
      "LiveMigratable True",
    ]);
    expect(bench.actions).toEqual(["vm-started"]);
  });

  test("waits for its disk first", () => {
    const bench = new VmBench();
    bench.createWithVolume();
    bench.cluster.settle();
    expect(bench.printed).toBe("Provisioning");
    expect(bench.instance).toBeUndefined();
    expect(bench.until("Running")).toBe(60 * second);
    const volume = bench.cluster.expect({ ...bench.key, kind: volumeKind, name: "vm-1-root" });
    expect(volume["status"]).toMatchObject({ phase: "Succeeded", progress: "100.0%" });
    expect(bench.cluster.get({ ...bench.key, kind: claimKind, name: "vm-1-root" })).toBeDefined();
    expect(bench.printings).toEqual(["Provisioning", "Starting", "Running"]);
  });

  test("stops and starts by its strategy", () => {
    const bench = new VmBench();
    bench.create();
    bench.until("Running");
    bench.patch({ runStrategy: "Halted" });
    bench.cluster.settle();
    expect(bench.printed).toBe("Stopping");
    expect(bench.until("Stopped")).toBe(30 * second);
    expect(bench.status).toMatchObject({ created: false, ready: false });
    bench.patch({ runStrategy: "Always" });
    expect(bench.until("Running")).toBe(20 * second);
    expect(bench.actions).toEqual(["vm-started", "vm-stopped", "vm-started"]);
  });

  test("says that a changed template needs a restart, until it had one", () => {
    const bench = new VmBench();
    bench.create();
    bench.until("Running");
    const { template } = bench.vm["spec"] as { template: { spec: object } };
    bench.patch({ template: { ...template, spec: { ...template.spec, hostname: "other" } } });
    bench.cluster.settle();
    const asked = (): boolean =>
      bench.status.conditions?.some(({ type }) => type === "RestartRequired") ?? false;
    expect(asked()).toBe(true);
    expect(bench.status).toMatchObject({ desiredGeneration: 2, observedGeneration: 1 });
    bench.put("virtualmachines/restart");
    bench.cluster.advance(2 * minute);
    expect(bench.printed).toBe("Running");
    expect(asked()).toBe(false);
    expect(bench.status.observedGeneration).toBe(2);
  });

  test("goes after its instance, and leaves its disk to the garbage collector", () => {
    const bench = new VmBench();
    bench.createWithVolume();
    bench.until("Running");
    bench.cluster.delete(bench.key);
    bench.cluster.advance(10 * second);
    expect(bench.printed).toBe("Terminating");
    bench.cluster.advanceUntil(() => bench.cluster.get(bench.key) === undefined, minute);
    expect(bench.instance).toBeUndefined();
    bench.collectGarbage();
    bench.collectGarbage();
    expect(bench.cluster.all()).toEqual([]);
  });
});

describe("a disk without an owner", () => {
  const ownersOf = (bench: VmBench): readonly string[] =>
    (bench.cluster.expect(diskOf(bench)).metadata.ownerReferences ?? []).map(({ uid }) => uid);
  const diskOf = (bench: VmBench): ObjectKey => ({
    ...bench.key,
    kind: volumeKind,
    name: `${bench.key.name}-root`,
  });
  const disown = (bench: VmBench): void => {
    bench.cluster.update(diskOf(bench), (disk) => ({
      ...disk,
      metadata: { ...disk.metadata, ownerReferences: [] },
    }));
    bench.cluster.settle();
  };

  test("is adopted by the machine whose templates name it", () => {
    const bench = new VmBench();
    bench.createWithVolume();
    bench.until("Running");
    disown(bench);
    expect(ownersOf(bench)).toEqual([bench.vm.metadata.uid]);
  });

  test("is left alone by a machine that goes", () => {
    const bench = new VmBench();
    bench.createWithVolume();
    bench.until("Running");
    bench.cluster.delete(bench.key);
    bench.cluster.settle();
    disown(bench);
    expect(ownersOf(bench)).toEqual([]);
    bench.cluster.advanceUntil(() => bench.cluster.get(bench.key) === undefined, minute);
    bench.collectGarbage();
    expect(bench.cluster.get(diskOf(bench))).toBeDefined();
  });
});

describe("run strategies", () => {
  test("Manual does what it is told", () => {
    const bench = new VmBench();
    bench.create({ runStrategy: "Manual" });
    bench.cluster.advance(minute);
    expect(bench.printed).toBe("Stopped");
    expect(bench.start().status).toBe(202);
    bench.until("Running");
    expect(bench.status.stateChangeRequests).toBeUndefined();
    expect(bench.stop().status).toBe(202);
    bench.until("Stopped");
    bench.cluster.advance(minute);
    expect(bench.printed).toBe("Stopped");
    expect((bench.vm["spec"] as { runStrategy: string }).runStrategy).toBe("Manual");
  });

  test("RerunOnFailure starts by itself, but not again after a stop", () => {
    const bench = new VmBench();
    bench.create({ runStrategy: "RerunOnFailure" });
    bench.until("Running");
    bench.stop();
    bench.until("Stopped");
    bench.cluster.advance(minute);
    expect(bench.printed).toBe("Stopped");
    bench.start();
    bench.until("Running");
  });

  test("Once starts, and is stopped by rewriting it", () => {
    const bench = new VmBench();
    bench.create({ runStrategy: "Once" });
    bench.until("Running");
    expect(bench.start().status).toBe(409);
    expect(bench.stop().status).toBe(202);
    bench.until("Stopped");
    expect(bench.vm["spec"]).toMatchObject({ runStrategy: "Halted" });
  });

  test("WaitAsReceiver waits for a migration", () => {
    const bench = new VmBench();
    bench.create({ runStrategy: "WaitAsReceiver" });
    bench.cluster.advance(minute);
    expect(bench.printed).toBe("WaitingForReceiver");
    expect(bench.instanceStatus.phase).toBe("WaitingForSync");
  });

  test("the deprecated running is Always or Halted", () => {
    const bench = new VmBench();
    bench.create({ running: false });
    bench.cluster.settle();
    expect(bench.printed).toBe("Stopped");
    bench.start();
    bench.until("Running");
    expect(bench.vm["spec"]).toMatchObject({ running: true });
  });
});

describe("faults by name", () => {
  test("unschedulable", () => {
    const bench = new VmBench("vm-unschedulable");
    bench.create();
    bench.cluster.advance(10 * minute);
    expect(bench.printed).toBe("ErrorUnschedulable");
    expect(bench.instanceStatus.phase).toBe("Scheduling");
  });

  test("image-missing fails imports again and again", () => {
    const bench = new VmBench("vm-image-missing");
    bench.createWithVolume();
    bench.until("DataVolumeError");
    bench.until("Provisioning");
    bench.cluster.advance(5 * minute);
    const key = { ...bench.key, kind: volumeKind, name: "vm-image-missing-root" };
    expect(bench.cluster.expect(key)["status"]).toMatchObject({ phase: "ImportInProgress" });
    const { restartCount = 0 } = bench.cluster.expect(key)["status"] as { restartCount?: number };
    expect(restartCount).toBeGreaterThan(5);
    expect(bench.instance).toBeUndefined();
  });

  test("image-missing does not pull a container disk", () => {
    const bench = new VmBench("vm-image-missing");
    bench.create();
    bench.cluster.advance(10 * minute);
    expect(bench.printings).toEqual(["Starting", "ErrImagePull", "ImagePullBackOff"]);
  });

  test("crash-loop", () => {
    const bench = new VmBench("vm-crash-loop");
    bench.create();
    bench.until("CrashLoopBackOff");
    bench.cluster.advance(10 * minute);
    expect(bench.status.startFailure?.consecutiveFailCount).toBeGreaterThan(3);
    expect(bench.printings).not.toContain("Running");
    bench.patch({ runStrategy: "Halted" });
    bench.until("Stopped");
  });

  test("crash-loop is no loop for a machine that runs once", () => {
    const bench = new VmBench("vm-crash-loop");
    bench.create({ runStrategy: "Once" });
    bench.until("Stopped");
    bench.cluster.advance(10 * minute);
    expect(bench.printed).toBe("Stopped");
    expect(bench.instanceStatus.phase).toBe("Failed");
    expect(bench.actions).toEqual(["vm-crashed"]);
  });

  test("stop-hangs stops only without a grace period", () => {
    const bench = new VmBench("vm-stop-hangs");
    bench.create();
    bench.until("Running");
    bench.stop();
    bench.cluster.advance(10 * minute);
    expect(bench.printed).toBe("Stopping");
    expect(bench.stop({ gracePeriod: 0 }).status).toBe(202);
    bench.until("Stopped", 10 * second);
  });

  test("delete-hangs", () => {
    const bench = new VmBench("vm-delete-hangs");
    bench.create({ runStrategy: "Halted" });
    bench.cluster.settle();
    bench.cluster.delete(bench.key);
    bench.cluster.advance(10 * minute);
    expect(bench.printed).toBe("Terminating");
  });

  test("a claim that is not there", () => {
    const bench = new VmBench();
    const volumes = [{ name: "root", persistentVolumeClaim: { claimName: "nowhere" } }];
    bench.create({ runStrategy: "Always" }, { volumes });
    bench.cluster.advance(minute);
    expect(bench.printed).toBe("ErrorPvcNotFound");
  });
});

test("writes nothing while nothing changes", () => {
  const bench = new VmBench();
  bench.createWithVolume();
  bench.until("Running");
  bench.cluster.settle();
  const before = bench.cluster.history.length;
  bench.cluster.advance(60 * minute);
  expect(bench.cluster.history).toHaveLength(before);
});

test.skipIf(!hasOfficialSchemas)(
  "has written nothing that the official CRDs refuse (../shared/crds; skipped without)",
  () => {
    const bench = new VmBench();
    bench.createWithVolume();
    bench.until("Running");
    const { count, problems } = problemsSoFar();
    expect(count).toBeGreaterThan(20);
    expect(problems).toEqual([]);
  },
);
