import { describe, expect, test } from "vitest";
import {
  hasOfficialSchemas,
  officialSamples,
} from "#lab/kubernetes/behaviours/testing/official-schemas.ts";
import { Refusal } from "#lab/kubernetes/behaviours/testing/fake-cluster.ts";
import { instanceKind, migrationKind, volumeKind } from "./objects.ts";
import { VmBench } from "./testing/vm-bench.ts";

/** The field that a refused write blames, or "allowed". */
function blamed(write: () => void): string {
  try {
    write();
    return "allowed";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.field ?? error.message;
  }
}

describe("a virtual machine", () => {
  test.each<[string, object, object, string]>([
    ["is allowed", { runStrategy: "Always" }, {}, "allowed"],
    ["says how it runs once", { runStrategy: "Always", running: true }, {}, "spec.running"],
    ["says how it runs", {}, {}, "spec.runStrategy"],
    ["runs in a known way", { runStrategy: "Sometimes" }, {}, "spec.runStrategy"],
    [
      "has a volume for each disk",
      { runStrategy: "Halted" },
      { volumes: [] },
      "spec.template.spec.domain.devices.disks[0].name",
    ],
    [
      "has a disk for each volume",
      { runStrategy: "Halted" },
      {
        volumes: [
          { name: "root", emptyDisk: {} },
          { name: "more", emptyDisk: {} },
        ],
      },
      "spec.template.spec.volumes[1].name",
    ],
    [
      "has an interface for each network",
      { runStrategy: "Halted" },
      { networks: [{ name: "a", pod: {} }] },
      "spec.template.spec.networks[0].name",
    ],
    [
      "uses its DataVolumes",
      { runStrategy: "Halted", dataVolumeTemplates: [{ metadata: { name: "x" }, spec: {} }] },
      {},
      "spec.dataVolumeTemplates[0]",
    ],
  ])("%s", (_rule, spec, template, expected) => {
    expect(blamed(() => new VmBench().create(spec, template))).toBe(expected);
  });

  test("is given a machine type and an architecture", () => {
    const bench = new VmBench();
    bench.create({ runStrategy: "Halted" });
    expect(bench.vm["spec"]).toMatchObject({
      template: { spec: { architecture: "amd64", domain: { machine: { type: "q35" } } } },
    });
  });
});

test("an instance is not changed by clients", () => {
  const bench = new VmBench();
  bench.create();
  bench.until("Running");
  const key = { ...bench.key, kind: instanceKind };
  const change = (): unknown =>
    bench.cluster.update(key, (one) => ({
      ...one,
      spec: { ...(one["spec"] as object), hostname: "x" },
    }));
  expect(blamed(change)).toBe("spec");
});

test("a migration moves an instance that is there and keeps its wish", () => {
  const bench = new VmBench();
  const migrate = (vmiName: string) => (): unknown =>
    bench.cluster.create({
      apiVersion: "kubevirt.io/v1",
      kind: "VirtualMachineInstanceMigration",
      metadata: { name: "move", namespace: "vms" },
      spec: { vmiName },
    });
  expect(blamed(migrate(""))).toBe("spec.vmiName");
  expect(blamed(migrate("vm-1"))).toBe("spec.vmiName");
  bench.create();
  bench.until("Running");
  expect(blamed(migrate("vm-1"))).toBe("allowed");
  const key = { ...bench.key, kind: migrationKind, name: "move" };
  const change = (): unknown =>
    bench.cluster.update(key, (one) => ({ ...one, spec: { vmiName: "other" } }));
  expect(blamed(change)).toBe("spec");
});

describe("a DataVolume", () => {
  const pvc = { resources: { requests: { storage: "1Gi" } } };
  const source = { blank: {} };

  test.each<[string, object, string]>([
    ["is allowed", { source, pvc }, "allowed"],
    ["has one source", { source: { blank: {}, upload: {} }, pvc }, "spec.source"],
    ["has a source or a reference", { source, sourceRef: {}, pvc }, "spec"],
    ["has a URL", { source: { http: {} }, pvc }, "spec.source.http.url"],
    ["has storage", { source }, "spec"],
    ["has one kind of storage", { source, pvc, storage: {} }, "spec"],
    ["has a size", { source, pvc: {} }, "spec.pvc.resources.requests.storage"],
  ])("%s", (_rule, spec, expected) => {
    const bench = new VmBench();
    expect(blamed(() => createVolume(bench, spec))).toBe(expected);
  });

  test("does not change", () => {
    const bench = new VmBench();
    createVolume(bench, { source, pvc });
    const key = { ...bench.key, kind: volumeKind, name: "disk" };
    const change = (): unknown =>
      bench.cluster.update(key, (one) => ({ ...one, spec: { source, pvc, preallocation: true } }));
    expect(blamed(change)).toBe("spec");
  });
});

describe("the phases of a DataVolume", () => {
  const pvc = { resources: { requests: { storage: "1Gi" } } };

  test.each<[string, object, readonly string[]]>([
    ["blank", { blank: {} }, ["Pending", "ImportScheduled", "Succeeded"]],
    [
      "an import",
      { registry: { url: "docker://registry.test/a" } },
      ["Pending", "ImportScheduled", "ImportInProgress", "Succeeded"],
    ],
    ["an upload", { upload: {} }, ["UploadScheduled", "UploadReady"]],
    ["a clone of nothing", { pvc: { namespace: "vms", name: "nowhere" } }, ["Pending"]],
  ])("of %s", (_kind, source, expected) => {
    const bench = new VmBench();
    createVolume(bench, { source, pvc });
    bench.cluster.advance(60_000);
    expect(phases(bench, "disk")).toEqual(expected);
  });

  test("of a clone", () => {
    const bench = new VmBench();
    createVolume(bench, { source: { blank: {} }, pvc });
    bench.cluster.advance(10_000);
    createVolume(bench, { source: { pvc: { namespace: "vms", name: "disk" } }, pvc }, "copy");
    bench.cluster.advance(60_000);
    expect(phases(bench, "copy")).toEqual(["CloneScheduled", "CloneInProgress", "Succeeded"]);
    expect(bench.actions).toEqual(["volume-filled", "volume-filled"]);
  });
});

function createVolume(bench: VmBench, spec: object, name = "disk"): void {
  bench.cluster.create({
    apiVersion: "cdi.kubevirt.io/v1beta1",
    kind: "DataVolume",
    metadata: { name, namespace: "vms" },
    spec,
  });
}

function phases(bench: VmBench, name: string): readonly string[] {
  const all = bench.cluster.history
    .filter(({ kind, metadata }) => kind === "DataVolume" && metadata.name === name)
    .flatMap((volume) => (volume["status"] as { phase?: string } | undefined)?.phase ?? []);
  return all.filter((phase, index) => phase !== all[index - 1]);
}

test.skipIf(!hasOfficialSchemas)(
  "runs every machine of the official samples (../shared/crds; skipped without)",
  () => {
    const machines = officialSamples("kubevirt").filter(({ kind }) => kind === "VirtualMachine");
    expect(machines.length).toBeGreaterThan(2);
    for (const machine of machines) {
      const { name } = machine.metadata;
      const bench = new VmBench(name);
      const metadata = { name, namespace: "vms" };
      bench.cluster.create({ ...machine, metadata });
      bench.patch({ runStrategy: "Always" });
      bench.until("Running");
    }
  },
);
