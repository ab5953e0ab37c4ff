import type { ClusterFact } from "#contract/cluster.ts";
import { settleKept } from "#domain/at-work.ts";
import type { RunEnd } from "#domain/resource-model.ts";
import { troubleFrom } from "./evolve.ts";
import type { ClusterState } from "./state.ts";

/** How a run leaves the cluster, whatever its end. */
export const settle = (cluster: ClusterState | null, end: RunEnd): readonly ClusterFact[] =>
  settleKept(cluster, end, troubleFrom, {
    creation: "cluster.create",
    creationUndone: { type: "cluster.creation_undone", data: {} },
    deleted: { type: "cluster.deleted", data: {} },
    ended: (data): ClusterFact => ({ type: "cluster.run_ended", data }),
    // Which version the machines have is known again when an upgrade comes to its end.
    lasting: ["upgrade"],
  });
