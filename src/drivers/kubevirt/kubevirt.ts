import { Failure } from "#contract/failures.ts";
import type { SecretId } from "#contract/ids.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import type { Clients } from "#drivers/kubernetes/clients.ts";
import { isTrue } from "#drivers/kubernetes/conditions.ts";
import { tryOut } from "#drivers/kubernetes/dry-run.ts";
import { isOurs } from "#drivers/kubernetes/labels.ts";
import {
  checkEdit,
  edit,
  ensure,
  notThere,
  readOurs,
  removeIfOurs,
} from "#drivers/kubernetes/ours.ts";
import { isRefused } from "#drivers/kubernetes/refusal.ts";
import { secretKind } from "#drivers/kubernetes/secret.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import type { VmPort, VmRef } from "#drivers/vm-ports.ts";
import { ownerIndexOf, readVolumes } from "./disks.ts";
import { letGo, removeWithoutDisks } from "./keep-disks.ts";
import {
  dataVolumeKind,
  type Instance,
  instanceKind,
  subresources,
  type VirtualMachine,
  vmKind,
} from "./kinds.ts";
import { stateOf } from "./look.ts";
import { cloudInitManifest, diskName, vmManifest } from "./manifest.ts";
import { checkNames, cloudInitOf, oursOf } from "./names.ts";
import { runWishOf } from "./run-wish.ts";

/** The instance has its machine's name, and its labels, which stand in the template. */
const readInstance = async (
  client: KubernetesClient,
  vm: VmRef,
  options: ReadOptions,
): Promise<Instance | null> => {
  const found = await client.read(instanceKind, oursOf(vm), options);
  return found === null || !isOurs(found, vm.id) ? null : found;
};

const command = (
  client: KubernetesClient,
  vm: VmRef,
  verb: { readonly of: "virtualmachines" | "virtualmachineinstances"; readonly command: string },
  body: object,
  options: KubernetesWrite,
): Promise<void> =>
  client.command(
    { ...subresources, plural: verb.of, command: verb.command, ...oursOf(vm) },
    body,
    options,
  );

const existing = async (
  client: KubernetesClient,
  vm: VmRef,
  options: ReadOptions,
): Promise<VirtualMachine> => {
  const found = await readOurs(client, vmKind, oursOf(vm), options);
  if (found === null) throw notThere(vmKind, oursOf(vm));
  return found;
};

const notRunning = (vm: VmRef): Failure =>
  new Failure("CONFLICT", `${vm.name} does not run`, {
    details: { reason: "not-running", object: `VirtualMachine/${vm.name}` },
  });

/** KubeVirt answers a verb that does not fit with a 409 whose reason is that of a collision. */
const isUnfit = (error: unknown): boolean => isRefused(error, "CONFLICT", "Conflict");

/**
 * How far the restart of the instance with this uid is. The request of an earlier call is kept until KubeVirt has done it; between its stop and
 * its start no instance is there.
 */
const seeRestart = async (
  client: KubernetesClient,
  vm: VmRef,
  uid: string,
  options: ReadOptions,
): Promise<"already" | "asked" | "same-instance" | "no-instance"> => {
  const machine = await existing(client, vm, options);
  const instance = await readInstance(client, vm, options);
  if (instance !== null && instance.metadata.uid !== uid) return "already";
  const requests = machine.status?.stateChangeRequests ?? [];
  if (requests.some((request) => request.uid === uid || request.action === "Start")) return "asked";
  return instance === null ? "no-instance" : "same-instance";
};

/** A machine and the disks that it owns: those are collected with it, those without an owner are not. */
const removeWithDisks = async (
  client: KubernetesClient,
  vm: VmRef,
  options: KubernetesWrite,
): Promise<"asked" | "gone"> => {
  const machine = await client.read(vmKind, oursOf(vm), options);
  const volumes = await readVolumes(client, vm, options);
  const left = [await removeIfOurs(client, vmKind, oursOf(vm), options)];
  if (machine === null || !isOurs(machine, vm.id)) {
    for (const { metadata } of volumes) {
      const name = metadata.name;
      left.push(await removeIfOurs(client, dataVolumeKind, { ...oursOf(vm), name }, options));
    }
  } else await letGo(client, vm, options);
  return volumes.length > 0 || left.includes("asked") ? "asked" : "gone";
};

/**
 * Virtual machines by KubeVirt: a VirtualMachine with its disks as DataVolumes, and a Secret for cloud-init. It is started and stopped by its wish
 * (`runStrategy` Always or Halted); restart and pause are KubeVirt's own verbs, which have no wish.
 */
export const createKubeVirt = (
  clients: Clients,
  reveal: (secret: SecretId) => Promise<string>,
): VmPort => ({
  async check(vm, wanted, options) {
    const client = clients.at(vm.place);
    await tryOut(client, vmKind, vmManifest(vm, wanted, { run: null }), vm, options);
    await checkNames(client, vm, wanted, options);
  },

  async create(vm, wanted, options) {
    const client = clients.at(vm.place);
    // The Secret first: an instance that finds none does not start.
    const secret =
      wanted.userData === null
        ? "already"
        : await ensure(
            client,
            secretKind,
            cloudInitManifest(vm, await reveal(wanted.userData), options),
            vm,
            options,
          );
    const machine = await ensure(client, vmKind, vmManifest(vm, wanted, options), vm, options);
    return secret === "asked" ? secret : machine;
  },

  async read(vm, options) {
    const client = clients.at(vm.place);
    const found = await readOurs(client, vmKind, oursOf(vm), options);
    if (found === null) return null;
    const instance = await readInstance(client, vm, options);
    const volumes = await readVolumes(client, vm, options);
    return stateOf(vm, { vm: found, instance, volumes });
  },

  checkRunning: (vm, running, options) =>
    checkEdit(
      clients.at(vm.place),
      vmKind,
      oursOf(vm),
      (machine) => runWishOf(running, machine),
      options,
    ),

  async setRunning(vm, { running, force }, options) {
    const client = clients.at(vm.place);
    const change = (machine: VirtualMachine) => runWishOf(running, machine);
    const outcome = await edit(client, vmKind, oursOf(vm), change, options);
    if (running || !force) return outcome;
    if ((await readInstance(client, vm, options)) === null) return outcome;
    try {
      const stop = { of: "virtualmachines", command: "stop" } as const;
      await command(client, vm, stop, { gracePeriod: 0 }, options);
      return "asked";
    } catch (error) {
      // It has stopped meanwhile, or is being stopped as hard already.
      if (isUnfit(error)) return outcome;
      throw error;
    }
  },

  async restart(vm, { uid, force }, options) {
    const client = clients.at(vm.place);
    const seen = await seeRestart(client, vm, uid, options);
    if (seen === "no-instance") throw notRunning(vm);
    if (seen !== "same-instance") return seen;
    try {
      const restart = { of: "virtualmachines", command: "restart" } as const;
      await command(client, vm, restart, force ? { gracePeriodSeconds: 0 } : {}, options);
      return "asked";
    } catch (error) {
      if (!isUnfit(error)) throw error;
      const now = await seeRestart(client, vm, uid, options);
      if (now === "asked" || now === "already") return now;
      throw error;
    }
  },

  async setPaused(vm, paused, options) {
    const client = clients.at(vm.place);
    await existing(client, vm, options);
    const instance = await readInstance(client, vm, options);
    if (instance === null || instance.status.phase !== "Running") throw notRunning(vm);
    const isPaused = (now: Instance): boolean => isTrue(now.status.conditions, "Paused");
    if (isPaused(instance) === paused) return "already";
    try {
      const verb = paused ? "pause" : "unpause";
      await command(client, vm, { of: "virtualmachineinstances", command: verb }, {}, options);
      return "asked";
    } catch (error) {
      if (!isUnfit(error)) throw error;
      const now = await readInstance(client, vm, options);
      if (now !== null && isPaused(now) === paused) return "already";
      throw error;
    }
  },

  async disks(vm, options) {
    const volumes = await readVolumes(clients.at(vm.place), vm, options);
    return volumes
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((volume) => ({
        name: diskName(vm, volume.metadata.name),
        owned: ownerIndexOf(volume, vm) !== -1,
      }));
  },

  async delete(vm, { keepDisks }, options) {
    const client = clients.at(vm.place);
    const removeMachine = keepDisks ? removeWithoutDisks : removeWithDisks;
    const left = [
      await removeMachine(client, vm, options),
      await removeIfOurs(client, secretKind, cloudInitOf(vm), options),
    ];
    return left.includes("asked") ? "asked" : "gone";
  },
});
