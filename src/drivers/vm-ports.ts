import type { KubernetesPlace, Problem } from "#contract/cluster.ts";
import type { VmId } from "#contract/ids.ts";
import type { VmDisk } from "#contract/vm.ts";
import type { KubernetesWrite } from "./cluster-ports.ts";
import type { ReadOptions } from "./ports.ts";

/** What Millwright asks of KubeVirt. Manners and failures are those of `cluster-ports.ts`. */

export interface VmRef {
  readonly id: VmId;
  readonly place: KubernetesPlace;
  readonly name: string;
}

export interface WantedVm {
  readonly cpus: number;
  readonly memory: string;
  readonly disks: readonly VmDisk[];
  readonly networks: readonly string[];
  /** cloud-init user data, revealed by the driver from this secret; null: none. */
  readonly userData: string | null;
  readonly running: boolean;
}

export interface VmState {
  readonly uid: string;
  readonly deleting: boolean;
  /** KubeVirt's word for people (Running, Stopped, ErrorUnschedulable …). */
  readonly printableStatus: string;
  readonly runStrategy: string | null;
  /** The virtual machine instance is there, and its uid: a restart gives it another. */
  readonly instance: { readonly uid: string; readonly phase: string } | null;
  /**
   * What it is and, as far as the wish tells, stays; null while it is on its way, or goes another way than its wish. `stopped` only when an
   * operator has looked at it, no instance is there and none is wished for; a machine that crashes between two starts is not stopped.
   */
  readonly power: "running" | "stopped" | "paused" | null;
  readonly ready: boolean;
  readonly node: string | null;
  readonly addresses: readonly string[];
  readonly disks: readonly {
    readonly name: string;
    readonly phase: string;
    readonly progress: string | null;
  }[];
  /** One line on what it is doing; what a wait shows. */
  readonly summary: string;
  readonly problems: readonly Problem[];
}

export interface VmPort {
  /**
   * Checks by a dry run that the API server would take it, and that its names are free: its own, its disks' and its cloud-init Secret's.
   * Read-only. VALIDATION_ERROR; CONFLICT when one is another's, with reason `disk-kept` for a disk of an earlier machine.
   */
  check(vm: VmRef, wanted: WantedVm, options: ReadOptions): Promise<void>;
  /** Creates VirtualMachine, disks and cloud-init secret. `already` when they are there and ours. Repeating is safe. */
  create(vm: VmRef, wanted: WantedVm, options: KubernetesWrite): Promise<"asked" | "already">;
  /** Null when there is no such object. CONFLICT when it is not ours. Read-only. */
  read(vm: VmRef, options: ReadOptions): Promise<VmState | null>;
  /** Throws what `setRunning` would refuse by the look of the machine now. Read-only. */
  checkRunning(vm: VmRef, running: boolean, options: ReadOptions): Promise<void>;
  /**
   * Starts or stops by the wish (`runStrategy`). `already` when the wish is that. `force` stops without waiting for the guest. NOT_FOUND. CONFLICT
   * while the wish is another field manager's to set (`details.causes`): it is never taken over. Repeating is safe.
   */
  setRunning(
    vm: VmRef,
    wish: { readonly running: boolean; readonly force: boolean },
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /**
   * Restarts the instance with this uid; another one there means that it has happened: `already`. CONFLICT while it does not run.
   */
  restart(
    vm: VmRef,
    instance: { readonly uid: string; readonly force: boolean },
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /** `already` when it is so. CONFLICT when it does not run. Repeating is safe. */
  setPaused(vm: VmRef, paused: boolean, options: KubernetesWrite): Promise<"asked" | "already">;
  /**
   * Those of its disks that are there and are not being deleted, whether or not the machine is; `owned`: they go when the machine goes. Read-only.
   */
  disks(
    vm: VmRef,
    options: ReadOptions,
  ): Promise<readonly { readonly name: string; readonly owned: boolean }[]>;
  /**
   * Asks for deletion, uid as precondition. Disks that are kept lose their owner meanwhile, for which it must be called until all is gone. `gone`
   * when nothing of it is there any more but them; what has one of its names and lacks our label is never touched and does not count. Repeating is safe.
   */
  delete(
    vm: VmRef,
    how: { readonly keepDisks: boolean },
    options: KubernetesWrite,
  ): Promise<"asked" | "gone">;
}
