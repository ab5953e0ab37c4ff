import type { Behaviour, ClusterView } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KindName, KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { admitKubevirt } from "./admission.ts";
import { reconcileVolume } from "./data-volume.ts";
import { reconcileInstance } from "./instance.ts";
import { instanceSubresources } from "./instance-subresources.ts";
import { reconcileMigration } from "./migration.ts";
import {
  claimKind,
  instanceKind,
  migrationKind,
  sameName,
  vmKind,
  vmSpec,
  volumeKind,
} from "./objects.ts";
import { reconcileVm } from "./virtual-machine.ts";
import { vmSubresources } from "./vm-subresources.ts";
import { admitVolume } from "./volume-admission.ts";

const subresources = "subresources.kubevirt.io/v1";

/** Plays KubeVirt (v1.9): virtual machines, their instances with the guests in them, migrations, and virt-api. */
export const kubevirt: Behaviour = {
  manager: "virt-controller",
  watches: [
    { kind: vmKind },
    { kind: instanceKind, toKeys: (one) => [sameName(one, instanceKind), sameName(one, vmKind)] },
    { kind: migrationKind },
    { kind: volumeKind, toKeys: machinesOf },
  ],
  reconciles: [vmKind, instanceKind, migrationKind],
  reconcile(object, cluster) {
    if (object.kind === "VirtualMachine") return reconcileVm(object, cluster);
    if (object.kind === "VirtualMachineInstance") return reconcileInstance(object, cluster);
    return reconcileMigration(object, cluster);
  },
  admit: admitKubevirt,
  aggregated: [...vmSubresources(subresources), ...instanceSubresources(subresources)],
};

/** Plays the Containerized Data Importer (v1.66): fills DataVolumes and binds their claims. */
export const cdi: Behaviour = {
  manager: "cdi-controller",
  watches: [
    { kind: volumeKind },
    { kind: claimKind, toKeys: (claim) => ownersOf(claim, "DataVolume", volumeKind) },
  ],
  reconciles: [volumeKind],
  reconcile: reconcileVolume,
  admit: admitVolume,
};

/** The machine that owns the volume; of one without owners those that may adopt it. */
function machinesOf(volume: KubeObject, cluster: ClusterView): readonly ObjectKey[] {
  const { namespace = "", name, ownerReferences = [] } = volume.metadata;
  if (ownerReferences.length > 0) return ownersOf(volume, "VirtualMachine", vmKind);
  const named = cluster
    .list(vmKind, { namespace })
    .filter((vm) =>
      (vmSpec(vm).dataVolumeTemplates ?? []).some(({ metadata }) => metadata.name === name),
    );
  return named.map((vm) => sameName(vm, vmKind));
}

function ownersOf(object: KubeObject, ownerKind: string, kind: KindName): readonly ObjectKey[] {
  const { namespace = "", ownerReferences = [] } = object.metadata;
  return ownerReferences
    .filter((owner) => owner.kind === ownerKind)
    .map(({ name }) => ({ kind, namespace, name }));
}
