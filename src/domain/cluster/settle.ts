import type { ClusterFact } from "#contract/cluster.ts";
import { type LeftBehind, endOf, settlementOf } from "#domain/at-work.ts";
import type { RunEnd } from "#domain/resource-model.ts";
import { troubleFrom } from "./evolve.ts";
import type { ClusterBroken, ClusterState } from "./state.ts";

/** How a run leaves the cluster, whatever its end. A creation that was taken back leaves no cluster. */
export function settle(cluster: ClusterState | null, end: RunEnd): readonly ClusterFact[] {
  if (cluster === null) return [];
  const settlement = settlementOf(cluster, end, troubleFrom);
  switch (settlement.as) {
    case "nothing":
      return [ended(end, null)];
    case "taken-back":
      return end.workflow === "cluster.create"
        ? [{ type: "cluster.creation_undone", data: {} }]
        : [ended(end, null)];
    case "broken":
      return [ended(end, settlement.error)];
    case "abandoned":
      return abandoned(settlement.left, end);
  }
}

/**
 * The operator answers for the rest. A deletion abandoned past its pivot ends with the cluster deleted, because a dead
 * management cluster must not make its clusters immortal. A creation stays `error`, from where it can be deleted:
 * without the record nobody could give back what it holds. So does an upgrade that was begun: which version the
 * machines have is known again when an upgrade comes to its end.
 */
function abandoned(left: ClusterBroken, end: RunEnd): readonly ClusterFact[] {
  switch (left.trouble) {
    case "creation":
      return [ended(end, { ...left, restorable: false, held: undefined })];
    case "deletion":
      return left.restorable
        ? [ended(end, null)]
        : [{ type: "cluster.deleted", data: {} }, ended(end, null)];
    case "upgrade":
      return [ended(end, left.restorable ? null : left)];
    case "scaling":
      return [ended(end, null)];
  }
}

const ended = (end: RunEnd, error: LeftBehind | null): ClusterFact => ({
  type: "cluster.run_ended",
  data: endOf(end, error),
});
