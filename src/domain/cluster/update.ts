import type { ClusterFact } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { ClusterId } from "#contract/ids.ts";
import { unknown } from "#domain/admission.ts";
import { shownState } from "#domain/at-work.ts";
import type { ClusterState } from "./state.ts";

/** What happens to a cluster's record without a run. */

/** Protection from deletion takes effect at once, but not on a deletion that is under way. */
export function protection(
  cluster: ClusterState | null,
  id: ClusterId,
  isProtected: boolean,
): readonly ClusterFact[] | Failure {
  if (cluster === null) return unknown({ noun: "cluster", id });
  const state = shownState(cluster);
  if (state === "deleting" || state === "deleted")
    return new Failure("INVALID_STATE_TRANSITION", `cluster ${id} is ${state}`, {
      details: { state, clusterId: id },
    });
  return [{ type: "cluster.updated", data: { protected: isProtected } }];
}

/** That its kubeconfig is given out. By whom stands in the event. */
export const kubeconfigRead = (
  cluster: ClusterState | null,
  id: ClusterId,
): readonly ClusterFact[] | Failure =>
  cluster === null
    ? unknown({ noun: "cluster", id })
    : [{ type: "cluster.kubeconfig_read", data: {} }];
