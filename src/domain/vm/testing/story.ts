import type { VmFact, VmPower, VmPowerAction, VmSpec } from "#contract/vm.ts";
import { ResourceStory, idBody } from "#domain/testing/story.ts";
import { vmModel } from "#domain/vm/model.ts";
import type { VmState } from "#domain/vm/state.ts";

/** A virtual machine's life told for tests. */

export const vmId = `vm_${idBody(1)}`;

export const spec: VmSpec = {
  name: "build-1",
  place: { managementCluster: "mgmt", namespace: "default" },
  cpus: 2,
  memory: "4Gi",
  disks: [{ name: "root", size: "20Gi", image: "docker://images.example/debian:13", boot: true }],
  networks: [],
  userData: `sec_${idBody(1)}`,
  running: true,
};

export const createInput = {
  vmId,
  region: "local",
  project: "default",
  spec,
  onFailure: "undo",
} as const;

export const powerInput = (action: VmPowerAction) => ({ vmId, action, force: false });
export const deleteInput = { vmId, keepDisks: false };

export const power = (now: VmPower): VmFact => ({
  type: "vm.power_changed",
  data: { power: now, node: now === "stopped" ? null : "worker-3", addresses: [] },
});

export class Story extends ResourceStory<VmState, VmFact> {
  constructor() {
    super(vmModel);
  }

  /** A virtual machine that was created and is so now. */
  being(now: VmPower): this {
    const run = this.begin("vm.create", createInput);
    this.happened(run, { type: "vm.created", data: {} }, power(now));
    return this.end(run, "completed");
  }
}
