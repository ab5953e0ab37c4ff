import { describe, expect, test } from "vitest";
import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import { migrationKind } from "./objects.ts";
import { hasOfficialSchemas, problemsSoFar, VmBench } from "./testing/vm-bench.ts";

function running(spec: object = { runStrategy: "Always" }, template: object = {}): VmBench {
  const bench = new VmBench();
  bench.create(spec, template);
  if (["Manual", "Halted"].includes((spec as { runStrategy?: string }).runStrategy ?? "")) {
    bench.cluster.settle();
    bench.start();
  }
  bench.until("Running");
  return bench;
}

function stopped(runStrategy: string): VmBench {
  const bench = new VmBench();
  bench.create({ runStrategy });
  bench.cluster.settle();
  if (bench.instance !== undefined) {
    bench.until("Running");
    bench.stop();
    bench.until("Stopped");
  }
  return bench;
}

describe("verbs of a virtual machine, by run strategy", () => {
  test.each([
    ["Always", 409, 202, 202],
    ["Manual", 409, 202, 202],
    ["RerunOnFailure", 409, 202, 202],
    ["Once", 409, 202, 409],
  ])("%s while it runs", (runStrategy, start, stop, restart) => {
    expect(running({ runStrategy }).start().status).toBe(start);
    expect(running({ runStrategy }).put("virtualmachines/restart").status).toBe(restart);
    expect(running({ runStrategy }).stop().status).toBe(stop);
  });

  test.each([
    ["Halted", 202, 409, 409],
    ["Manual", 202, 409, 409],
    ["RerunOnFailure", 202, 409, 409],
  ])("%s while it does not", (runStrategy, start, stop, restart) => {
    const bench = stopped(runStrategy);
    expect(bench.stop().status).toBe(stop);
    expect(bench.put("virtualmachines/restart").status).toBe(restart);
    expect(bench.start()).toEqual({ status: start, body: null });
    bench.until("Running");
  });

  test("start rewrites Halted to Always, and stop back", () => {
    const bench = running({ runStrategy: "Halted" });
    expect(bench.vm["spec"]).toMatchObject({ runStrategy: "Always" });
    bench.stop();
    expect(bench.vm["spec"]).toMatchObject({ runStrategy: "Halted" });
  });

  test("starts paused when asked", () => {
    const bench = stopped("Halted");
    expect(bench.start({ paused: true }).status).toBe(202);
    bench.until("Paused");
    expect(bench.vm["spec"]).toMatchObject({ runStrategy: "Always" });
  });

  test("restarts with another instance", () => {
    const bench = running();
    const uid = bench.instance?.metadata.uid;
    expect(bench.put("virtualmachines/restart", { gracePeriodSeconds: 0 }).status).toBe(202);
    bench.cluster.advance(3 * second);
    bench.until("Running");
    expect(bench.instance?.metadata.uid).not.toBe(uid);
    expect(bench.put("virtualmachines/restart", { gracePeriodSeconds: 5 }).status).toBe(400);
  });

  test("refuses a second request while one is under way", () => {
    const bench = running({ runStrategy: "Manual" });
    bench.put("virtualmachines/restart");
    const again = bench.put("virtualmachines/restart");
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ reason: "Conflict", code: 409 });
    expect(JSON.stringify(again.body)).toContain("stop/start already underway");
  });

  test("knows no machine of another name", () => {
    const bench = stopped("Halted");
    bench.cluster.delete(bench.key);
    bench.cluster.settle();
    expect(bench.start()).toMatchObject({ status: 404, body: { reason: "NotFound" } });
  });
});

describe("verbs of an instance", () => {
  test("pause and unpause", () => {
    const bench = running();
    const verb = (name: string, body?: unknown): number =>
      bench.put(`virtualmachineinstances/${name}`, body).status;
    expect(verb("unpause")).toBe(409);
    expect(verb("pause", { dryRun: ["All"] })).toBe(202);
    expect(bench.printed).toBe("Running");
    expect(verb("pause")).toBe(202);
    expect(bench.printed).toBe("Paused");
    expect(verb("pause")).toBe(409);
    expect(verb("softreboot")).toBe(409);
    expect(verb("unpause")).toBe(202);
    expect(bench.printed).toBe("Running");
    expect(bench.actions.slice(-2)).toEqual(["vm-paused", "vm-unpaused"]);
  });

  test("softreboot, reset, freeze and unfreeze", () => {
    const bench = running();
    for (const verb of ["softreboot", "reset", "freeze"]) {
      expect(bench.put(`virtualmachineinstances/${verb}`).status).toBe(202);
    }
    expect(bench.instanceStatus.fsFreezeStatus).toBe("frozen");
    expect(bench.put("virtualmachineinstances/unfreeze").status).toBe(202);
    expect(bench.instanceStatus.fsFreezeStatus).toBeUndefined();
    bench.stop();
    bench.until("Stopped");
    expect(bench.put("virtualmachineinstances/pause").status).toBe(404);
  });

  test("pause is forbidden with a liveness probe", () => {
    const bench = running(undefined, { livenessProbe: { tcpSocket: { port: 22 } } });
    expect(bench.put("virtualmachineinstances/pause").status).toBe(403);
  });
});

describe("migration", () => {
  test("moves the instance to another node, once at a time", () => {
    const bench = running();
    const before = bench.instanceStatus.nodeName;
    expect(bench.put("virtualmachines/migrate").status).toBe(202);
    expect(bench.put("virtualmachines/migrate").status).toBe(500);
    bench.until("Migrating");
    bench.until("Running");
    expect(bench.instanceStatus.nodeName).not.toBe(before);
    expect(bench.instanceStatus.migrationState).toMatchObject({ completed: true });
    const [migration] = bench.cluster.list(migrationKind);
    expect(migration?.["status"]).toMatchObject({ phase: "Succeeded" });
    expect(bench.actions.at(-1)).toBe("vm-migrated");
  });

  test("is aborted by deleting it", () => {
    const bench = running();
    const before = bench.instanceStatus.nodeName;
    bench.put("virtualmachines/migrate");
    bench.until("Migrating");
    const [migration] = bench.cluster.list(migrationKind);
    bench.cluster.delete({
      ...bench.key,
      kind: migrationKind,
      name: migration?.metadata.name ?? "",
    });
    bench.cluster.settle();
    expect(bench.cluster.list(migrationKind)).toEqual([]);
    expect(bench.printed).toBe("Running");
    expect(bench.instanceStatus).toMatchObject({
      nodeName: before,
      migrationState: { failed: true },
    });
  });

  test("is impossible with a disk of one node", () => {
    const bench = new VmBench();
    bench.createWithVolume();
    bench.until("Running", 2 * minute);
    const reply = bench.put("virtualmachines/migrate");
    expect(JSON.stringify(reply.body)).toContain("DisksNotLiveMigratable");
  });
});

test.skipIf(!hasOfficialSchemas)(
  "has written nothing that the official CRDs refuse (../shared/crds; skipped without)",
  () => {
    const bench = running();
    bench.put("virtualmachines/migrate");
    bench.until("Migrating");
    const { count, problems } = problemsSoFar();
    expect(count).toBeGreaterThan(20);
    expect(problems).toEqual([]);
  },
);
