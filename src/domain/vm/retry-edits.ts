import type { WorkflowType } from "#contract/run.ts";
import { VmCreateInput, VmDeleteInput, VmPowerInput } from "#contract/vm-inputs.ts";
import { CreateVmBody, DeleteVmQuery, VmPowerBody } from "#contract/vm-requests.ts";
import { type RequestEdit, editOf, textsOnly, withoutNulls } from "#domain/request-edit.ts";
import { createInput, deleteInput, powerInput } from "./run-inputs.ts";

/** What a retry may change of the requests to virtual machines. */

const creation = editOf({
  input: VmCreateInput,
  request: textsOnly(CreateVmBody, ["userData"]),
  amid: ["onFailure"],
  before({ spec, onFailure }) {
    const { place, disks, userData: _stored, ...rest } = spec;
    const { managementCluster } = place;
    return { ...rest, disks: disks.map(withoutNulls), managementCluster, onFailure };
  },
  apply({ vmId, region, project, spec }, body, edit) {
    const managementCluster = body.managementCluster ?? spec.place.managementCluster;
    const place = { ...spec.place, managementCluster };
    const userData = Object.hasOwn(edit, "userData") ? null : spec.userData;
    return {
      input: createInput({ body, place, userData, vmId, region, project }),
      clear: body.userData === undefined ? {} : { "spec.userData": body.userData },
    };
  },
});

const power = editOf({
  input: VmPowerInput,
  request: VmPowerBody,
  fixed: { action: "cannot be edited: ask the virtual machine for the other action itself" },
  amid: ["force"],
  before: ({ action, force }) => ({ action, force }),
  apply: ({ vmId }, body) => ({ input: powerInput(vmId, body), clear: {} }),
});

const deletion = editOf({
  input: VmDeleteInput,
  request: DeleteVmQuery,
  amid: [],
  before: ({ keepDisks }) => ({ keepDisks }),
  apply: ({ vmId }, query) => ({ input: deleteInput(vmId, query), clear: {} }),
});

export const vmEdits = {
  "vm.create": creation,
  "vm.power": power,
  "vm.delete": {
    ...deletion,
    // Its request is a query, whose values are texts; an input says true and false.
    merge(input, edit) {
      const merged = deletion.merge(input, edit);
      const { keepDisks } = merged;
      return typeof keepDisks === "boolean" ? { ...merged, keepDisks: String(keepDisks) } : merged;
    },
  },
} as const satisfies Partial<Record<WorkflowType, RequestEdit>>;
