import type { ClusterFact } from "#contract/cluster.ts";
import { isSound } from "#domain/at-work.ts";
import type { ResourceModel } from "#domain/resource-model.ts";
import { admit } from "./decide.ts";
import { evolve } from "./evolve.ts";
import { settle } from "./settle.ts";
import type { ClusterState } from "./state.ts";

/** The cluster as the engine knows it. */
export const clusterModel: ResourceModel<ClusterState, ClusterFact> = {
  type: "cluster",
  evolve,
  admit,
  settle,
  isSound,
  isRetired: ({ rest }) => rest.state === "deleted",
};
