import { Failure } from "#contract/failures.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { edit, removeIfOurs } from "#drivers/kubernetes/ours.ts";
import { isRefused } from "#drivers/kubernetes/refusal.ts";
import type { VmRef } from "#drivers/vm-ports.ts";
import { ownerIndexOf, readVolumes } from "./disks.ts";
import { type DataVolume, dataVolumeKind, vmKind } from "./kinds.ts";
import { oursOf } from "./names.ts";

/**
 * Deletes a machine and keeps its disks. The DataVolumes of its templates have it for an owner and are collected with it, so the owner is to
 * be taken off, and there is only one time for that. Before the deletion virt-controller adopts every ownerless DataVolume that
 * `spec.dataVolumeTemplates` names (`ClaimMatchedDataVolumes` in KubeVirt's pkg/virt-controller/watch/vm/vm.go, `ClaimObject` in
 * pkg/controller/controller_ref_manager.go); after it a machine that does not run is gone at once. While it is being deleted nothing is adopted:
 * virt-controller asks the API server for the deletionTimestamp before it adopts (`RecheckDeletionTimestamp`). So a finalizer of ours holds the
 * machine until its disks are seen without it, and KubeVirt's webhook lets everything pass on what is being deleted.
 *
 * Not by taking the templates away: virt-controller may see the disk without its owner before it sees the machine without its templates, and the
 * webhook refuses a change of the spec while a snapshot is taken. Not by propagationPolicy Orphan either: the instance then runs on
 * (`sync` in vm.go), and what else the machine owns, such as its ControllerRevisions, stays behind.
 */

/** Holds a machine that is being deleted until its disks are no longer its own. */
const finalizer = "millwright.dev/keep-disks";

/** `gone` when the machine is gone, and owns no disk any more. Repeating is needed, and safe. */
export const removeWithoutDisks = async (
  client: KubernetesClient,
  vm: VmRef,
  options: KubernetesWrite,
): Promise<"asked" | "gone"> => {
  await hold(client, vm, options);
  const machine = await removeIfOurs(client, vmKind, oursOf(vm), options);
  const volumes = await readVolumes(client, vm, options);
  const owned = volumes.filter((volume) => ownerIndexOf(volume, vm) !== -1);
  for (const volume of owned) await disown(client, volume, vm, options);
  if (owned.length > 0) return "asked";
  if (machine === "asked") await letGo(client, vm, options);
  return machine;
};

/** To what is being deleted the API server lets no finalizer be added: then the disks are disowned as fast as can be. */
const hold = (client: KubernetesClient, vm: VmRef, options: KubernetesWrite): Promise<void> =>
  unlessGone(
    edit(
      client,
      vmKind,
      oursOf(vm),
      ({ metadata: { deletionTimestamp, finalizers, resourceVersion } }) =>
        deletionTimestamp !== undefined || finalizers.includes(finalizer)
          ? null
          : [
              { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
              { op: "add", path: "/metadata/finalizers", value: [...finalizers, finalizer] },
            ],
      options,
    ),
  );

/** Takes our finalizer off, whether this deletion has put it on or an earlier one that came to nothing. */
export const letGo = (
  client: KubernetesClient,
  vm: VmRef,
  options: KubernetesWrite,
): Promise<void> =>
  unlessGone(
    edit(
      client,
      vmKind,
      oursOf(vm),
      ({ metadata: { finalizers } }) => {
        const index = finalizers.indexOf(finalizer);
        if (index === -1) return null;
        const path = `/metadata/finalizers/${index}`;
        return [
          { op: "test", path, value: finalizer },
          { op: "remove", path },
        ];
      },
      options,
    ),
  );

const disown = (
  client: KubernetesClient,
  { metadata: { name } }: DataVolume,
  vm: VmRef,
  options: KubernetesWrite,
): Promise<void> =>
  unlessGone(
    edit(
      client,
      dataVolumeKind,
      { ...oursOf(vm), name },
      (volume) => {
        const index = ownerIndexOf(volume, vm);
        if (index === -1) return null;
        const path = `/metadata/ownerReferences/${index}`;
        return [
          { op: "test", path: `${path}/uid`, value: volume.metadata.ownerReferences[index]?.uid },
          { op: "remove", path },
        ];
      },
      options,
    ),
  );

/** What is gone, or has given its name to another's object, needs no change any more. */
const unlessGone = async (change: Promise<unknown>): Promise<void> => {
  try {
    await change;
  } catch (error) {
    const isGone = error instanceof Failure && error.code === "NOT_FOUND";
    if (!isGone && !isRefused(error, "CONFLICT", "not-ours")) throw error;
  }
};
