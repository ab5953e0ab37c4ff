import { Failure } from "#contract/failures.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { assertOurs, isOurs, resourceLabel } from "#drivers/kubernetes/labels.ts";
import { nameOf } from "#drivers/kubernetes/object.ts";
import { type Ours, readOurs } from "#drivers/kubernetes/ours.ts";
import { secretKind } from "#drivers/kubernetes/secret.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import type { VmRef, WantedVm } from "#drivers/vm-ports.ts";
import { type DataVolume, dataVolumeKind } from "./kinds.ts";
import { cloudInitName, volumeName } from "./manifest.ts";

/** The names that a virtual machine's objects have, and whether they are free. */

export const oursOf = ({ id, place, name }: VmRef): Ours => ({
  id,
  namespace: place.namespace,
  name,
});

export const cloudInitOf = (vm: VmRef): Ours => ({ ...oursOf(vm), name: cloudInitName(vm) });

/**
 * CONFLICT when the cloud-init Secret or a disk would have a name that is another's. KubeVirt itself would take a DataVolume that is there for
 * the machine's own, and names of disks can meet: disk `b-c` of `a` is disk `c` of `a-b`.
 */
export const checkNames = async (
  client: KubernetesClient,
  vm: VmRef,
  wanted: WantedVm,
  options: ReadOptions,
): Promise<void> => {
  if (wanted.userData !== null) await readOurs(client, secretKind, cloudInitOf(vm), options);
  for (const disk of wanted.disks) {
    const at = { ...oursOf(vm), name: volumeName(vm, disk.name) };
    const found = await client.read(dataVolumeKind, at, options);
    if (found === null) continue;
    refuseKept(vm, found);
    assertOurs(dataVolumeKind, found, vm.id);
  }
};

/** A disk that outlived its machine has our label and no owner. */
const refuseKept = (vm: VmRef, volume: DataVolume): void => {
  const { labels, ownerReferences, namespace, name } = volume.metadata;
  const owner = labels[resourceLabel];
  if (owner === undefined || ownerReferences.length > 0 || isOurs(volume, vm.id)) return;
  throw new Failure(
    "CONFLICT",
    `${nameOf(dataVolumeKind, volume.metadata)} is a disk that was kept of an earlier virtual machine, ${owner}: delete it with what is on it (kubectl delete datavolume ${name} -n ${namespace}), or give the machine or its disk another name`,
    {
      details: {
        reason: "disk-kept",
        object: `${dataVolumeKind.kind}/${name}`,
        namespace,
        owner,
      },
    },
  );
};
