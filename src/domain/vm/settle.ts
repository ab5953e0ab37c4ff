import type { VmFact } from "#contract/vm.ts";
import { settleKept } from "#domain/at-work.ts";
import type { RunEnd } from "#domain/resource-model.ts";
import { troubleFrom } from "./evolve.ts";
import type { VmState } from "./state.ts";

/** How a run leaves the virtual machine, whatever its end. */
export const settle = (vm: VmState | null, end: RunEnd): readonly VmFact[] =>
  settleKept(vm, end, troubleFrom, {
    creation: "vm.create",
    creationUndone: { type: "vm.creation_undone", data: {} },
    // Nobody has seen what became of its disks, so they count as kept.
    deleted: { type: "vm.deleted", data: { disksKept: true } },
    ended: (data): VmFact => ({ type: "vm.run_ended", data }),
    lasting: [],
  });
