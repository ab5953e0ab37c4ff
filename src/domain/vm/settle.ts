import type { VmFact } from "#contract/vm.ts";
import { type LeftBehind, endOf, settlementOf } from "#domain/at-work.ts";
import type { RunEnd } from "#domain/resource-model.ts";
import { troubleFrom } from "./evolve.ts";
import type { VmBroken, VmState } from "./state.ts";

/** How a run leaves the virtual machine, whatever its end. A creation that was taken back leaves none. */
export function settle(vm: VmState | null, end: RunEnd): readonly VmFact[] {
  if (vm === null) return [];
  const settlement = settlementOf(vm, end, troubleFrom);
  switch (settlement.as) {
    case "nothing":
      return [ended(end, null)];
    case "taken-back":
      return end.workflow === "vm.create"
        ? [{ type: "vm.creation_undone", data: {} }]
        : [ended(end, null)];
    case "broken":
      return [ended(end, settlement.error)];
    case "abandoned":
      return abandoned(settlement.left, end);
  }
}

/**
 * The operator answers for the rest. A deletion abandoned past its pivot ends with the machine deleted, because a dead
 * management cluster must not make it immortal; nobody has seen what became of its disks, so they count as kept. A
 * creation stays `error`, from where it can be deleted.
 */
function abandoned(left: VmBroken, end: RunEnd): readonly VmFact[] {
  switch (left.trouble) {
    case "creation":
      return [ended(end, { ...left, restorable: false, held: undefined })];
    case "deletion":
      return left.restorable
        ? [ended(end, null)]
        : [{ type: "vm.deleted", data: { disksKept: true } }, ended(end, null)];
    case "power":
      return [ended(end, null)];
  }
}

const ended = (end: RunEnd, error: LeftBehind | null): VmFact => ({
  type: "vm.run_ended",
  data: endOf(end, error),
});
