import { describe, expect, it } from "vitest";
import type { VmRef } from "#drivers/vm-ports.ts";
import { instanceKind, vmKind } from "./kinds.ts";
import { stateOf } from "./look.ts";

const ref: VmRef = {
  id: "vm_01KAP5ZV9QJ5T1W7R9D0C3M8XJ",
  place: { managementCluster: "first", namespace: "demo" },
  name: "web",
};
const metadata = (more: object = {}): object => ({
  name: "web",
  namespace: "demo",
  uid: "u-1",
  resourceVersion: "1",
  ...more,
});
const look = (
  vm: { status?: object; metadata?: object; wish?: string },
  phase: string | null = null,
  more = {},
) =>
  stateOf(ref, {
    vm: vmKind.schema.parse({
      metadata: metadata(vm.metadata),
      spec: { runStrategy: vm.wish ?? "Always" },
      ...(vm.status === undefined ? {} : { status: vm.status }),
    }),
    instance:
      phase === null
        ? null
        : instanceKind.schema.parse({ metadata: metadata(more), status: { phase } }),
    volumes: [],
  });

const seen = { finalizers: ["kubevirt.io/virtualMachineControllerFinalize"] };

describe("the power of a virtual machine", () => {
  it("is not known from the printed status that the schema fills in", () => {
    expect(look({}).power).toBeNull();
    expect(look({ status: { printableStatus: "Stopped" } })).toMatchObject({
      power: null,
      summary: "KubeVirt has not looked at it yet",
    });
  });

  it("is off once KubeVirt has looked at it and no instance is there", () => {
    const status = { printableStatus: "Stopped" };
    const off = { status, wish: "Halted" };
    expect(look({ ...off, metadata: seen }).power).toBe("stopped");
    const conditions = [{ type: "Ready", status: "False", reason: "VMINotExists" }];
    expect(look({ ...off, status: { ...status, conditions } }).power).toBe("stopped");
    const created = { ...off, status: { ...status, created: true }, metadata: seen };
    expect(look(created).power).toBeNull();
  });

  it("is that of the instance, and unknown while that comes or goes", () => {
    const vm = { status: { printableStatus: "Running" }, metadata: seen };
    expect(look(vm, "Running").power).toBe("running");
    for (const phase of ["", "Pending", "Scheduling", "Scheduled", "Succeeded", "Failed"]) {
      expect([phase, look(vm, phase).power]).toEqual([phase, null]);
    }
    const leaving = { deletionTimestamp: "2026-03-02T08:00:00Z" };
    expect(look(vm, "Running", leaving).power).toBeNull();
  });

  it("is neither on nor off while KubeVirt has not done what it is to do", () => {
    const crashing = { status: { printableStatus: "CrashLoopBackOff" }, metadata: seen };
    for (const wish of ["Always", "RerunOnFailure"])
      expect([wish, look({ ...crashing, wish }).power]).toEqual([wish, null]);
    for (const wish of ["Manual", "Once"])
      expect([wish, look({ ...crashing, wish }).power]).toEqual([wish, "stopped"]);
    const ending = { status: { printableStatus: "Running" }, metadata: seen, wish: "Halted" };
    expect(look(ending, "Running").power).toBeNull();
  });
});
