import type { Failure } from "#contract/failures.ts";
import type { VmAction } from "#contract/vm.ts";
import { stateRefusal } from "#domain/admission.ts";
import { heldBy } from "#domain/at-work.ts";
import type { VmSound, VmState, VmTrouble } from "./state.ts";

/**
 * What may be asked of a virtual machine, by the state it is in. A lookup, so that what the API answers, what a
 * refusal proposes and what is admitted can never differ. Asking for what is so already is a success that says so.
 */

const whenSound = {
  creating: [],
  running: ["start", "stop", "restart", "pause", "unpause", "delete"],
  stopped: ["start", "stop", "delete"],
  // Its guest can do nothing by itself, so a restart would have to be one without its knowledge.
  paused: ["stop", "pause", "unpause", "delete"],
  deleted: [],
} as const satisfies Record<VmSound["state"], readonly VmAction[]>;

const whenBroken = {
  // What there is of it was never whole: only its run's own undo and retry, or its end, make sense.
  creation: ["delete"],
  // Whether it runs is not known; each of these makes it known.
  power: ["start", "stop", "restart", "pause", "unpause", "delete"],
  deletion: ["delete"],
} as const satisfies Record<VmTrouble, readonly VmAction[]>;

type Looked = Pick<VmState, "rest" | "runs">;

/** What may be asked of the virtual machine now; nothing while a run is at work on it. */
export function allowedActions({ rest, runs }: Looked): readonly VmAction[] {
  if (runs.length > 0) return [];
  return rest.state === "error" ? whenBroken[rest.trouble] : whenSound[rest.state];
}

/** What the API offers: a held run keeps the lock, so everything would be refused before the state is looked at. */
export const offeredActions = (vm: Looked): readonly VmAction[] =>
  heldBy(vm) === null ? allowedActions(vm) : [];

/** The refusal of an action that the state does not allow; null when it is allowed. */
export const refusal = (vm: VmState, action: VmAction): Failure | null =>
  stateRefusal({ noun: "vm", id: vm.id }, vm, { action, allowed: allowedActions(vm) });
