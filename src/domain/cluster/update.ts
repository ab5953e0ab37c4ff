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

/** That its kubeconfig is given out, by whom stands in the event; and that it was stored anew for that, if it was. */
export function kubeconfigRead(
  cluster: ClusterState | null,
  id: ClusterId,
  { isRenewed }: { readonly isRenewed: boolean },
): readonly ClusterFact[] | Failure {
  if (cluster === null) return unknown({ noun: "cluster", id });
  const { kubeconfig: secret } = cluster;
  return [
    ...(isRenewed && secret !== null
      ? [{ type: "cluster.kubeconfig_stored" as const, data: { secret } }]
      : []),
    { type: "cluster.kubeconfig_read", data: {} },
  ];
}
