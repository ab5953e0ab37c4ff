import { z } from "zod";
import type { Problem } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { VmState } from "#drivers/vm-ports.ts";
import type { Wait } from "#engine/kit.ts";
import { changedProblems, waitFor as waitForOperator } from "#workflows/problems.ts";
import { reading, refOf } from "#workflows/kubernetes.ts";
import type { VmContext } from "./kit.ts";

/**
 * One look at the virtual machine. What it complains of becomes a fact when it changes, because it may be gone at the next look.
 * `isDone` says whether the step has what it waits for; left out: it does not wait.
 */
export async function look(
  context: VmContext,
  isDone: (state: VmState) => boolean = () => true,
): Promise<VmState> {
  const { ports, resource } = context;
  const state = await ports.vms.read(refOf(resource), reading(context));
  if (state === null)
    throw new Failure(
      "KUBERNETES_REJECTED",
      `the object of virtual machine ${resource.spec.name} is no longer on the management cluster: somebody else has deleted it`,
      { details: { reason: "gone" } },
    );
  tellProblems(context, state.problems, isDone(state));
  return state;
}

export function tellProblems(
  { resource, fact, now, pace }: VmContext,
  seen: readonly Problem[],
  isDone: boolean,
): void {
  const changed = changedProblems(resource, seen, { now, pace, isDone });
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
