import { z } from "zod";
import { VmId } from "./ids.ts";
import { OnFailure } from "./server-inputs.ts";
import { VmPowerAction, VmSpec } from "./vm.ts";

/** The inputs of the workflows of virtual machines as the journal keeps them. User data is a reference. */

export const VmCreateInput = z.object({
  vmId: VmId,
  region: z.string(),
  project: z.string(),
  spec: VmSpec,
  onFailure: OnFailure,
});
export type VmCreateInput = z.infer<typeof VmCreateInput>;

export const VmPowerInput = z.object({
  vmId: VmId,
  action: VmPowerAction,
  force: z.boolean().meta({
    description: "stop and restart: do not wait for the guest's operating system to shut down",
  }),
});
export type VmPowerInput = z.infer<typeof VmPowerInput>;

export const VmDeleteInput = z.object({
  vmId: VmId,
  keepDisks: z.boolean().meta({ description: "Leave the disks' volumes where they are" }),
});
export type VmDeleteInput = z.infer<typeof VmDeleteInput>;
