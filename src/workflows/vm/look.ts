import { z } from "zod";
import type { Problem } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { VmState } from "#drivers/vm-ports.ts";
import type { Wait } from "#engine/kit.ts";
import { changedProblems, waitFor as waitForOperator } from "#workflows/problems.ts";
import { type VmContext, reading, refOf } from "./kit.ts";

/** One look at the virtual machine. What it complains of becomes a fact when it changes, because it may be gone at the next look. */
export async function look(context: VmContext): Promise<VmState> {
  const { ports, resource } = context;
  const state = await ports.vms.read(refOf(resource), reading(context));
  if (state === null)
    throw new Failure(
      "KUBERNETES_REJECTED",
      `the object of virtual machine ${resource.spec.name} is no longer on the management cluster: somebody else has deleted it`,
      { details: { reason: "gone" } },
    );
  tellProblems(context, state.problems);
  return state;
}

export function tellProblems({ resource, fact }: VmContext, seen: readonly Problem[]): void {
  const changed = changedProblems(resource.problems, seen);
  if (changed !== null) fact({ type: "vm.problems_seen", data: changed });
}

export const waitFor = (context: VmContext, what: string, { summary, problems }: VmState): Wait =>
  waitForOperator(what, summary, problems, context);

/** Where it runs, as the record has it. */
export const Place = z.object({ node: z.string().nullable(), addresses: z.array(z.string()) });

export const placeOf = ({ node, addresses }: VmState): z.infer<typeof Place> => ({
  node,
  addresses: [...addresses],
});
