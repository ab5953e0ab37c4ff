import type { KubernetesPlace } from "#contract/cluster.ts";
import type { SecretId, VmId } from "#contract/ids.ts";
import type { VmCreateInput, VmDeleteInput, VmPowerInput } from "#contract/vm-inputs.ts";
import type { CreateVmBody, DeleteVmQuery, VmPowerBody } from "#contract/vm-requests.ts";

/** From a checked request to a run's input. The door seals the secrets first and brings their references. */

export function createInput(from: {
  readonly body: CreateVmBody;
  readonly place: KubernetesPlace;
  readonly userData: SecretId | null;
  readonly vmId: VmId;
  readonly region: string;
  readonly project: string;
}): VmCreateInput {
  const { body, place, userData, ...rest } = from;
  const { name, cpus, memory, networks, running, onFailure } = body;
  const saysBoot = body.disks.some(({ boot }) => boot);
  const disks = body.disks.map((disk, index) => ({
    name: disk.name,
    size: disk.size,
    image: disk.image ?? null,
    boot: saysBoot ? disk.boot : index === 0,
  }));
  const spec = { name, place, cpus, memory, disks, networks, userData, running };
  return { ...rest, spec, onFailure };
}

export const powerInput = (vmId: VmId, { action, force }: VmPowerBody): VmPowerInput => ({
  vmId,
  action,
  force,
});

export const deleteInput = (vmId: VmId, { keepDisks }: DeleteVmQuery): VmDeleteInput => ({
  vmId,
  keepDisks,
});
