import type { ClusterAction } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { stateRefusal } from "#domain/admission.ts";
import { heldBy } from "#domain/at-work.ts";
import type { ClusterSound, ClusterState, ClusterTrouble } from "./state.ts";

/**
 * What may be asked of a cluster, by the state it is in. A lookup, so that what the API answers, what a refusal
 * proposes and what is admitted can never differ.
 */

const whenSound = {
  creating: [],
  running: ["scale", "upgrade", "delete"],
  deleted: [],
} as const satisfies Record<ClusterSound["state"], readonly ClusterAction[]>;

/** Each trouble is left by the same change made again, or by the cluster's end. */
const whenBroken = {
  // What there is of it was never whole: only its run's own undo and retry, or its end, make sense.
  creation: ["delete"],
  scaling: ["scale", "delete"],
  // Half of the machines may have the new version: until all have one, no number is to be changed.
  upgrade: ["upgrade", "delete"],
  deletion: ["delete"],
} as const satisfies Record<ClusterTrouble, readonly ClusterAction[]>;

type Looked = Pick<ClusterState, "rest" | "runs" | "spec">;

/** What its state allows; protection is a matter of its own, with its own refusal. */
function allowedByState({ rest, runs }: Looked): readonly ClusterAction[] {
  if (runs.length > 0) return [];
  return rest.state === "error" ? whenBroken[rest.trouble] : whenSound[rest.state];
}

/** What may be asked of the cluster now; nothing while a run is at work on it. */
export const allowedActions = (cluster: Looked): readonly ClusterAction[] =>
  allowedByState(cluster).filter((action) => action !== "delete" || !cluster.spec.protected);

/** What the API offers: a held run keeps the lock, so everything would be refused before the state is looked at. */
export const offeredActions = (cluster: Looked): readonly ClusterAction[] =>
  heldBy(cluster) === null ? allowedActions(cluster) : [];

/** The refusal of an action that the state or its protection does not allow; null when it is allowed. */
export function refusal(cluster: ClusterState, action: ClusterAction): Failure | null {
  const named = { noun: "cluster", id: cluster.id };
  const isProtected = action === "delete" && cluster.spec.protected;
  if (!isProtected || !allowedByState(cluster).includes("delete"))
    return stateRefusal(named, cluster, { action, allowed: allowedActions(cluster) });
  return new Failure(
    "CONFLICT",
    `cluster ${cluster.id} is protected from deletion; PATCH it with { "protected": false } first`,
    { details: { clusterId: cluster.id, protected: true } },
  );
}
