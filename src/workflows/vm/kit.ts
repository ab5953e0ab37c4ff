import type { VmFact } from "#contract/vm.ts";
import type { VmState as VmRecord } from "#domain/vm/state.ts";
import type { SecretsPort } from "#drivers/ports.ts";
import type { VmPort, WantedVm } from "#drivers/vm-ports.ts";
import { type StepContext, workflowKit } from "#engine/kit.ts";

/** What the workflows of virtual machines work with. */
export interface VmEnvironment {
  readonly ports: {
    readonly vms: VmPort;
    readonly secrets: SecretsPort;
  };
  readonly resource: VmRecord;
  readonly fact: VmFact;
}

/** However fast a lab's operators are, calls and their repeats take real time. */
export const workflow = workflowKit<VmEnvironment>({ least: "1m" });

/** The part of a step's context that the shared pieces need, whatever its input and output. */
export type VmContext = Omit<StepContext<VmEnvironment, unknown, unknown>, "prior">;

export const wantedOf = ({ spec }: VmRecord): WantedVm => ({
  cpus: spec.cpus,
  memory: spec.memory,
  disks: spec.disks,
  networks: spec.networks,
  userData: spec.userData,
  running: spec.running,
});
