import { refuseManaged } from "#drivers/kubernetes/managers.ts";
import type { JsonPatch } from "#drivers/kubernetes/object.ts";
import type { VirtualMachine } from "./kinds.ts";

/** KubeVirt's own: `virtctl start` has virt-api write the wish, which virt-controller changes too. They set nothing back. */
const kubevirt = ["virt-api", "virt-controller"];

/** The patch that makes the machine run or not; null when that is its wish. CONFLICT where the wish is another field manager's. */
export const runWishOf = (
  running: boolean,
  { metadata, spec }: VirtualMachine,
): readonly JsonPatch[] | null => {
  const wish = running ? "Always" : "Halted";
  if (spec.runStrategy === wish) return null;
  const what = `the runStrategy of virtual machine ${metadata.name}`;
  refuseManaged(metadata.managedFields, ["spec", "runStrategy"], what, kubevirt);
  const path = "/spec/runStrategy";
  return [
    { op: "test", path, value: spec.runStrategy },
    { op: "replace", path, value: wish },
  ];
};
