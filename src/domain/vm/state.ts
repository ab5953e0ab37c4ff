import type { Problem } from "#contract/cluster.ts";
import type { VmId } from "#contract/ids.ts";
import type { VmLifecycleState, VmPower, VmPowerAction, VmSpec } from "#contract/vm.ts";
import type { AtWork, Worked } from "#domain/at-work.ts";

/**
 * A virtual machine folded from its facts: plain data, times in ms since 1970.
 *
 *   creating ─▶ running ⇄ stopped, paused ─▶ deleting ─▶ deleted
 *                   any of these but deleted ⇄ error
 */
export interface VmState extends Worked<VmSound, VmTrouble, VmWork> {
  readonly id: VmId;
  readonly region: string;
  readonly project: string;
  readonly spec: VmSpec;
  readonly node: string | null;
  readonly addresses: readonly string[];
  readonly problems: readonly Problem[];
  /** When they were last told, ms since 1970; null: never. */
  readonly problemsAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a virtual machine is when nobody works on it and nothing is wrong. */
export interface VmSound {
  readonly state: "creating" | VmPower | "deleted";
}

export type VmTrouble = "creation" | "power" | "deletion";

export interface VmWork extends AtWork<VmLifecycleState> {
  readonly action: VmPowerAction | null;
}
