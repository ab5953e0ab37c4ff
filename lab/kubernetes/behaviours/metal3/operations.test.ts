import { describe, expect, test } from "vitest";
import { hasOfficialSchemas } from "#lab/kubernetes/behaviours/testing/official-schemas.ts";
import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import type { Machine } from "./machines.ts";
import { anyMachine, HostBench, image, problemsSoFar } from "./testing/host-bench.ts";

describe("power", () => {
  test("follows online", () => {
    const bench = new HostBench();
    bench.provision();
    bench.patch({ online: false });
    expect(bench.cluster.advanceUntil(() => !bench.status.poweredOn, minute)).toBe(30 * second);
    bench.patch({ online: true });
    expect(bench.cluster.advanceUntil(() => bench.status.poweredOn, minute)).toBe(10 * second);
    expect(bench.actions.slice(-2)).toEqual(["power-off", "power-on"]);
  });

  test("reboots, removing the annotation between off and on", () => {
    const bench = new HostBench();
    bench.provision();
    bench.annotate("reboot.metal3.io", '{"mode":"hard"}');
    expect(bench.cluster.advanceUntil(() => !bench.status.poweredOn, minute)).toBeLessThanOrEqual(
      10 * second,
    );
    bench.cluster.advanceUntil(() => bench.status.poweredOn, minute);
    expect(bench.host.metadata.annotations).toEqual({});
    expect(bench.cluster.effects.at(-2)).toMatchObject({ detail: { how: "hard" } });
  });

  test("holds a host off until the client with a key lets go", () => {
    const bench = new HostBench();
    bench.provision();
    bench.annotate("reboot.metal3.io/drain", "");
    bench.cluster.advance(10 * minute);
    expect(bench.status.poweredOn).toBe(false);
    bench.annotate("reboot.metal3.io/drain", undefined);
    bench.cluster.advanceUntil(() => bench.status.poweredOn, minute);
  });

  test("restarts a host that must not be powered off", () => {
    const bench = new HostBench();
    bench.provision();
    bench.patch({ disablePowerOff: true });
    bench.annotate("reboot.metal3.io", "");
    bench.cluster.advance(minute);
    expect(bench.host.metadata.annotations).toEqual({});
    expect(bench.actions.filter((action) => action === "restart")).toHaveLength(1);
    expect(bench.actions).not.toContain("power-off");
  });

  test("reports a machine that does not obey, and then cuts its power", () => {
    const commands: string[] = [];
    let power: "on" | "off" = "on";
    const deaf: Machine = {
      ...anyMachine(),
      power: () => power,
      setPower: (to, how) => {
        commands.push(`${to} ${how}`);
        if (to === "on" || how === "hard") power = to;
      },
    };
    const bench = new HostBench("node-1", { find: () => deaf });
    bench.provision();
    bench.patch({ online: false });
    bench.cluster.advance(4 * minute);
    expect(bench.status.errorType).toBe("power management error");
    bench.cluster.advanceUntil(() => !bench.status.poweredOn, 3 * minute);
    expect(commands.slice(-2)).toEqual(["off soft", "off hard"]);
    bench.cluster.advance(minute);
    expect(bench.status).toMatchObject({ operationalStatus: "OK", errorCount: 0 });
  });
});

describe("what stops the operator", () => {
  test("does nothing to a paused host", () => {
    const bench = new HostBench();
    bench.secret();
    bench.create({}, { "baremetalhost.metal3.io/paused": "" });
    bench.cluster.advance(10 * minute);
    expect(bench.host["status"]).toBeUndefined();
    bench.annotate("baremetalhost.metal3.io/paused", undefined);
    bench.until("available", 6 * minute);
  });

  test("detaches a host and takes it back", () => {
    const bench = new HostBench();
    bench.provision();
    bench.annotate("baremetalhost.metal3.io/detached", "");
    bench.cluster.settle();
    expect(bench.status.operationalStatus).toBe("detached");
    bench.patch({ online: false });
    bench.cluster.advance(15 * minute);
    expect(bench.status.poweredOn).toBe(true);
    bench.annotate("baremetalhost.metal3.io/detached", undefined);
    bench.cluster.advance(2 * minute);
    expect(bench.status).toMatchObject({ operationalStatus: "OK", poweredOn: false });
  });

  test("manages only the power of what others provisioned", () => {
    const bench = new HostBench();
    bench.enrol();
    bench.patch({ externallyProvisioned: true });
    bench.until("externally provisioned", second);
    bench.patch({ image });
    bench.cluster.advance(10 * minute);
    expect(bench.state).toBe("externally provisioned");
    expect(bench.actions).not.toContain("image-written");
  });
});

describe("deletion", () => {
  const isGone = (bench: HostBench) => (): boolean => bench.cluster.get(bench.key) === undefined;

  test("cleans and powers off a provisioned host first", () => {
    const bench = new HostBench();
    bench.provision();
    bench.cluster.delete(bench.key);
    bench.cluster.advanceUntil(isGone(bench), 5 * minute);
    expect(bench.states.slice(-4)).toEqual([
      "provisioned",
      "deprovisioning",
      "powering off before delete",
      "deleting",
    ]);
    expect(bench.actions.at(-1)).toBe("disks-cleaned");
    const secret = bench.cluster.expect({ ...bench.key, kind: "Secret", name: "node-1-bmc" });
    expect(secret.metadata.finalizers).toEqual([]);
    const data = bench.cluster.expect({ ...bench.key, kind: "HardwareData.metal3.io" });
    expect(data.metadata.finalizers).toEqual([]);
  });

  test("powers off an available host, and lets a registering one go at once", () => {
    const available = new HostBench();
    available.enrol();
    available.cluster.advance(minute);
    available.cluster.delete(available.key);
    available.cluster.advanceUntil(isGone(available), minute);
    expect(available.states).toContain("powering off before delete");
    expect(available.actions.at(-1)).toBe("power-off");
    const registering = new HostBench();
    registering.create();
    registering.cluster.settle();
    registering.cluster.delete(registering.key);
    registering.cluster.advanceUntil(isGone(registering), second);
    expect(registering.states).not.toContain("powering off before delete");
  });

  test("gives up cleaning after three failures", () => {
    const bench = new HostBench("node-deprovision-hangs");
    bench.provision();
    bench.cluster.delete(bench.key);
    bench.cluster.advance(29 * minute);
    expect(bench.state).toBe("deprovisioning");
    bench.cluster.advanceUntil(isGone(bench), 4 * 60 * minute);
    expect(bench.actions).not.toContain("disks-cleaned");
    expect(bench.reasons.filter((reason) => reason === "ProvisioningError")).toHaveLength(3);
  });

  test("deletes a detached host without cleaning, unless it is told to wait", () => {
    const bench = new HostBench();
    bench.provision();
    bench.annotate("baremetalhost.metal3.io/detached", '{"deleteAction":"delay"}');
    bench.cluster.settle();
    bench.cluster.delete(bench.key);
    bench.cluster.advance(20 * minute);
    expect(bench.state).toBe("provisioned");
    bench.annotate("baremetalhost.metal3.io/detached", '{"deleteAction":"delete"}');
    bench.cluster.advanceUntil(isGone(bench), second);
    expect(bench.actions).not.toContain("disks-cleaned");
  });
});

test("writes nothing while nothing changes", () => {
  const bench = new HostBench();
  bench.provision();
  const before = bench.cluster.history.length;
  bench.cluster.advance(60 * minute);
  expect(bench.cluster.history).toHaveLength(before);
});

test.skipIf(!hasOfficialSchemas)(
  "has written nothing that the official CRDs refuse (../shared/crds; skipped without)",
  () => {
    const bench = new HostBench();
    bench.provision();
    const { count, problems } = problemsSoFar();
    expect(count).toBeGreaterThan(30);
    expect(problems).toEqual([]);
  },
);
