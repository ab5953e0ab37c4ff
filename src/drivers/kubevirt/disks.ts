import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { resourceLabel } from "#drivers/kubernetes/labels.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import type { VmRef } from "#drivers/vm-ports.ts";
import { type DataVolume, dataVolumeKind, vmKind } from "./kinds.ts";

/** Its DataVolumes, also those that have outlived it: they are known by our label. */
export const readVolumes = (
  client: KubernetesClient,
  vm: VmRef,
  options: ReadOptions,
): Promise<readonly DataVolume[]> =>
  client.list(
    dataVolumeKind,
    { namespace: vm.place.namespace, labels: { [resourceLabel]: vm.id } },
    options,
  );

/** Where the machine stands among the owners of what is collected with it; -1 when it is none of them. */
export const ownerIndexOf = ({ metadata }: DataVolume, vm: VmRef): number =>
  metadata.ownerReferences.findIndex(({ kind, name }) => kind === vmKind.kind && name === vm.name);
