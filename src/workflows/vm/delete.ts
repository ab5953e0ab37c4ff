import { VmDeleteInput } from "#contract/vm-inputs.ts";
import { nothing, wait } from "#engine/kit.ts";
import { lookUnlessAway, reading, refOf, writing } from "#workflows/kubernetes.ts";
import { workflow } from "./kit.ts";
import { tellProblems, waitFor } from "./look.ts";

/**
 * vm.delete: takes a virtual machine away, and its disks unless they are kept.
 *
 *   validate ═ delete-vm ▶ await-gone ▶ record
 *
 * It has succeeded when the machine is gone, not when it was asked to go.
 */
export const vmDelete = workflow("vm.delete", {
  version: 1,
  summary: "Deletes a virtual machine, and its disks unless they are kept.",
  input: VmDeleteInput,
  resource: ({ input }) => ({ type: "vm", id: input.vmId }),
  onFailure: "undo",
})
  .step("validate", {
    expected: "2s",
    within: "10m",
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      // Whose object it is must be known before the pivot; that it is gone already is no reason to refuse.
      const { wait } = await lookUnlessAway(context, () =>
        context.ports.vms.read(refOf(context.resource), reading(context)),
      );
      return wait;
    },
  })
  .pivot("a deletion cannot be called back: what it has taken away is gone")
  .step("delete-vm", {
    expected: "2s",
    run: async (context) => {
      const { keepDisks } = context.input;
      await context.ports.vms.delete(refOf(context.resource), { keepDisks }, writing(context));
    },
  })
  .step("await-gone", {
    expected: "40s",
    within: "30m",
    poll: { min: "1s", max: "15s" },
    run: async (context) => {
      const { ports, resource } = context;
      const state = await ports.vms.read(refOf(resource), reading(context));
      if (state !== null) {
        const { keepDisks } = context.input;
        // It was restored from a backup, or made anew: what does not go by itself is asked again.
        if (!state.deleting)
          await ports.vms.delete(refOf(resource), { keepDisks }, writing(context));
        tellProblems(context, state.problems, false);
        return waitFor(context, "the machine to be gone", state);
      }
      // Disks and cloud-init secret go after the machine; the same verb says when nothing is left.
      const left = await ports.vms.delete(
        refOf(resource),
        { keepDisks: context.input.keepDisks },
        writing(context),
      );
      return left === "asked" ? wait("waiting for its disks to be gone") : undefined;
    },
  })
  .step("record", {
    expected: "1s",
    run: async ({ input, fact }) =>
      fact({ type: "vm.deleted", data: { disksKept: input.keepDisks } }),
  })
  .result(({ input }) => ({ vmId: input.vmId, disksKept: input.keepDisks }));
