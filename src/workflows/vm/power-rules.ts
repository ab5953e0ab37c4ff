import { Failure } from "#contract/failures.ts";
import { VmPowerAction } from "#contract/vm.ts";
import type { VmState } from "#drivers/vm-ports.ts";

/**
 * What a power action needs of the machine as it is seen. The record's state has admitted it, but may be older; past the pivot KubeVirt would
 * refuse it, and a person would be asked for though nothing was changed.
 */

/** Wishes under which KubeVirt restarts nothing (`RestartVMRequestHandler` in pkg/virt-api/rest/lifecycle.go). */
const restartless = new Set<string | null>(["Halted", "Once"]);

/** What is in the way of the action; null: nothing. */
const hindranceOf = (action: VmPowerAction, seen: VmState): string | null => {
  const { deleting, power, runStrategy, printableStatus } = seen;
  if (deleting) return "is being deleted";
  if (action === "stop") return null;
  // Its wish is to run already, so that a start would change nothing.
  if (power === "paused") return action === "start" || action === "restart" ? "is paused" : null;
  if (action === "start") return null;
  if (power !== "running") return `does not run (${printableStatus})`;
  return action === "restart" && restartless.has(runStrategy)
    ? `has the runStrategy ${runStrategy}, with which KubeVirt restarts nothing`
    : null;
};

/** INVALID_STATE_TRANSITION, with what can be done instead, unless the machine is fit for the action. */
export const assertFit = (action: VmPowerAction, name: string, seen: VmState): void => {
  const hindrance = hindranceOf(action, seen);
  if (hindrance === null) return;
  const allowed = VmPowerAction.options.filter((other) => hindranceOf(other, seen) === null);
  throw new Failure(
    "INVALID_STATE_TRANSITION",
    `${action} is not possible: virtual machine ${name} ${hindrance}`,
    { details: { state: seen.printableStatus, action, allowed } },
  );
};
