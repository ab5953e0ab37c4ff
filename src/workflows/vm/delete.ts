import { z } from "zod";
import type { VmFact } from "#contract/vm.ts";
import { VmDeleteInput } from "#contract/vm-inputs.ts";
import { nothing, wait } from "#engine/kit.ts";
import { lookUnlessAway, reading, refOf, writing } from "#workflows/kubernetes.ts";
import { type VmContext, workflow } from "./kit.ts";
import { tellProblems, waitFor } from "./look.ts";

/**
 * vm.delete: takes a virtual machine away, and its disks unless they are kept.
 *
 *   validate ═ delete-vm ▶ await-gone ▶ record
 *
 * It has succeeded when the machine is gone, not when it was asked to go. That its disks are kept is told when they were seen without
 * it, and which of them were not.
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
    output: z.object({ disks: z.array(z.string()) }),
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const { ports, resource } = context;
      // Whose object it is must be known before the pivot; that it is gone already is no reason to refuse.
      const { wait, seen } = await lookUnlessAway(context, async () => {
        await ports.vms.read(refOf(resource), reading(context));
        return ports.vms.disks(refOf(resource), reading(context));
      });
      // Where nobody could look, the disks are those of the record.
      return wait ?? { disks: (seen ?? resource.spec.disks).map(({ name }) => name) };
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
    output: z.object({ disksLost: z.array(z.string()) }),
    run: async (context) => {
      const { ports, resource } = context;
      const { keepDisks } = context.input;
      // Asked again: disks and cloud-init secret go after the machine, those that are kept are let go of while it goes, and what was
      // restored from a backup, or made anew, does not go by itself.
      const left = await ports.vms.delete(refOf(resource), { keepDisks }, writing(context));
      if (left === "gone") return { disksLost: keepDisks ? await lostDisks(context) : [] };
      const state = await ports.vms.read(refOf(resource), reading(context));
      if (state === null) return wait("waiting for what belonged to it to be gone");
      tellProblems(context, state.problems, false);
      return waitFor(context, "the machine to be gone", state);
    },
  })
  .step("record", {
    expected: "1s",
    run: async (context) => context.fact({ type: "vm.deleted", data: endOfDisks(context) }),
  })
  .result((run) => ({ vmId: run.input.vmId, ...endOfDisks(run) }));

/** What is known once the machine is gone, and what was there before. */
interface Deletion {
  readonly input: VmDeleteInput;
  readonly prior: {
    readonly validate: { readonly disks: readonly string[] };
    readonly "await-gone": { readonly disksLost: readonly string[] };
  };
}

/** The disks that were there and, though they were to be kept, are gone or about to go: somebody else may have deleted them. */
async function lostDisks(
  context: VmContext & { readonly prior: Pick<Deletion["prior"], "validate"> },
): Promise<string[]> {
  const { ports, resource, prior } = context;
  const there = await ports.vms.disks(refOf(resource), reading(context));
  const kept = new Set(there.filter(({ owned }) => !owned).map(({ name }) => name));
  return prior.validate.disks.filter((name) => !kept.has(name));
}

const endOfDisks = ({
  input,
  prior,
}: Deletion): Extract<VmFact, { type: "vm.deleted" }>["data"] => {
  const { disksLost } = prior["await-gone"];
  return {
    disksKept: input.keepDisks && disksLost.length === 0,
    ...(disksLost.length > 0 && { disksLost: [...disksLost] }),
  };
};
