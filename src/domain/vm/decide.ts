import { Failure } from "#contract/failures.ts";
import { VmCreateInput, VmDeleteInput, VmPowerInput } from "#contract/vm-inputs.ts";
import type { VmAction, VmFact, VmLifecycleState } from "#contract/vm.ts";
import { busy, checked, invalid, moved, notAsChild, unknown } from "#domain/admission.ts";
import type { Admission } from "#domain/resource-model.ts";
import { refusal } from "./can.ts";
import type { VmState, VmWork } from "./state.ts";

/** Whether a workflow may start on the virtual machine, and with which facts. */
export function admit(vm: VmState | null, admission: Admission): readonly VmFact[] | Failure {
  switch (admission.workflow) {
    case "vm.create":
      return checked(VmCreateInput, admission, (input) => admitCreation(vm, input, admission));
    case "vm.power":
      return checked(VmPowerInput, admission, ({ vmId, action }) =>
        admitAction(vm, vmId, { admission, action, power: action, shows: null }),
      );
    case "vm.delete":
      return checked(VmDeleteInput, admission, ({ vmId }) =>
        admitAction(vm, vmId, { admission, action: "delete", power: null, shows: "deleting" }),
      );
    case "server.register":
    case "server.inspect":
    case "server.provision":
    case "server.lifecycle":
    case "server.decommission":
    case "cluster.create":
    case "cluster.scale":
    case "cluster.upgrade":
    case "cluster.delete":
    case "sync.server-state":
    case "sync.cluster-state":
      return invalid("workflow", `${admission.workflow} does not change a virtual machine`);
  }
}

function admitCreation(
  vm: VmState | null,
  { vmId, region, project, spec }: VmCreateInput,
  { run, workflow }: Admission,
): readonly VmFact[] | Failure {
  // A retry of a creation that is held meets its own record; any other record is in the way.
  const isRetry = vm?.rest.state === "error" && vm.rest.trouble === "creation";
  if (vm !== null && !isRetry)
    return new Failure(
      "INVALID_STATE_TRANSITION",
      `vm ${vm.id} exists already; ask for a new one`,
      { details: { state: vm.rest.state, vmId: vm.id } },
    );
  const problem = moved(vm?.spec ?? null, spec);
  if (problem !== null) return problem;
  return [
    { type: "vm.requested", data: { vm: vmId, region, project, spec } },
    { type: "vm.run_began", data: { run, workflow, action: null, state: "creating" } },
  ];
}

function admitAction(
  vm: VmState | null,
  id: string,
  what: {
    readonly admission: Admission;
    readonly action: VmAction;
    readonly power: VmWork["action"];
    readonly shows: VmLifecycleState | null;
  },
): readonly VmFact[] | Failure {
  const named = { noun: "vm", id };
  if (vm === null) return unknown(named);
  const { run, workflow, parent } = what.admission;
  if (parent !== null) return notAsChild(named, what.admission, vm);
  const data = { run, workflow, action: what.power, state: what.shows };
  return busy(named, vm) ?? refusal(vm, what.action) ?? [{ type: "vm.run_began", data }];
}
