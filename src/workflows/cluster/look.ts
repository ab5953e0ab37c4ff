import type { Problem } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import {
  type ClusterState,
  type GroupState,
  isWhole,
  type SeenProblem,
} from "#drivers/cluster-ports.ts";
import type { Wait } from "#engine/kit.ts";
import { changedProblems, waitFor as waitForOperator } from "#workflows/problems.ts";
import { reading, refOf } from "#workflows/kubernetes.ts";
import { type ClusterContext, clusterPort } from "./kit.ts";

/**
 * One look at the cluster: what it complains of becomes a fact when it changes, because operators clear their errors when they try
 * again. `isDone` says whether the step has what it waits for; left out: it does not wait. A cluster that somebody deleted behind
 * our back will not come by waiting.
 */
export async function look(
  context: ClusterContext,
  isDone: (state: ClusterState) => boolean = () => true,
): Promise<ClusterState> {
  const state = await clusterPort(context).read(refOf(context.resource), reading(context));
  if (state === null)
    throw new Failure(
      "KUBERNETES_REJECTED",
      `the object of cluster ${context.resource.spec.name} is no longer on the management cluster: somebody else has deleted it`,
      { details: { reason: "gone" } },
    );
  const problems = standing(context, state.problems);
  tellProblems(context, problems, isDone(state));
  return { ...state, problems };
}

/**
 * Complaints that have lasted. Machines that come to be complain of what they do not have yet, which is progress
 * and no trouble.
 */
export const standing = (
  { now, pace }: ClusterContext,
  problems: readonly SeenProblem[],
): readonly SeenProblem[] =>
  problems.filter(
    ({ usualSince }) => usualSince === null || (now() - Date.parse(usualSince)) * pace >= usualMs,
  );

/** In declared time: a machine that is without a node for longer is in trouble. */
const usualMs = 600_000;

export function tellProblems(
  { resource, fact, now, pace }: ClusterContext,
  seen: readonly Problem[],
  isDone: boolean,
): void {
  const changed = changedProblems(resource, seen, { now, pace, isDone });
  if (changed !== null) fact({ type: "cluster.problems_seen", data: changed });
}

/** `progress` says how far the machines are, where that is known. */
export const waitFor = (
  context: ClusterContext,
  what: string,
  { observed, paused, summary, problems }: ClusterState,
  progress: string | null = null,
): Wait => {
  const doing = observed ? summary : "the operator has not looked at the change yet";
  // A paused cluster is not looked at either, and waiting for that would hide why.
  const now = paused ? isLeftAlone : doing;
  const told = progress === null ? now : `${progress}; ${now}`;
  return waitForOperator(what, told, problems, context);
};

const isLeftAlone = "the cluster is paused, so nothing will happen until somebody unpauses it";

/** A change of a paused cluster would be asked for and not be carried out, for as long as the run has patience. */
export function refusePaused({ resource }: ClusterContext, { paused }: ClusterState): void {
  if (!paused) return;
  const { name } = resource.spec;
  throw new Failure(
    "CONFLICT",
    `cluster ${name} is paused on its management cluster, so nothing would be changed; unpause it and ask again`,
    { details: { reason: "paused", cluster: name } },
  );
}

/** The group is whole, and of this version where versions are told. */
export const isAt = (group: GroupState, version: string): boolean =>
  isWhole(group) && group.versions.every((each) => each.version === version || each.count === 0);
