import type { VmFact } from "#contract/vm.ts";
import { isSound } from "#domain/at-work.ts";
import type { ResourceModel } from "#domain/resource-model.ts";
import { admit } from "./decide.ts";
import { evolve } from "./evolve.ts";
import { settle } from "./settle.ts";
import type { VmState } from "./state.ts";

/** The virtual machine as the engine knows it. */
export const vmModel: ResourceModel<VmState, VmFact> = {
  type: "vm",
  evolve,
  admit,
  settle,
  isSound,
  isRetired: ({ rest }) => rest.state === "deleted",
};
