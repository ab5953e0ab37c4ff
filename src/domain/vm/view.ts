import { inOrder } from "#contract/in-order.ts";
import { Vm } from "#contract/vm.ts";
import { heldBy, holder, shownState } from "#domain/at-work.ts";
import { offeredActions } from "./can.ts";
import type { VmState } from "./state.ts";

const instant = (ms: number): string => new Date(ms).toISOString();

/** Where the API serves a virtual machine: a path without host, so that it holds behind any proxy. */
export const vmPath = (vm: Pick<VmState, "id" | "region" | "project">): string =>
  `/v1/regions/${vm.region}/projects/${vm.project}/compute/vms/${vm.id}`;

/** The public virtual machine. The reference to its user data and the undo's memory stay behind. */
export function vmView(vm: VmState): Vm {
  const { rest } = vm;
  const { userData: _userData, ...spec } = vm.spec;
  const self = vmPath(vm);
  return inOrder<Vm>(Vm, {
    id: vm.id,
    region: vm.region,
    project: vm.project,
    ...spec,
    state: shownState(vm),
    error:
      rest.state === "error" ? { code: rest.code, message: rest.message, run: rest.run } : null,
    problems: [...vm.problems],
    actions: [...offeredActions(vm)],
    activeRunId: holder(vm) ?? heldBy(vm),
    node: vm.node,
    addresses: [...vm.addresses],
    createdAt: instant(vm.createdAt),
    updatedAt: instant(vm.updatedAt),
    links: { self, runs: `${self}/runs`, events: `${self}/events` },
  });
}
