import { shownState } from "#domain/at-work.ts";
import { clusterModel } from "./model.ts";
import type { ClusterState } from "./state.ts";

/**
 * How clusters are kept in the table `clusters`: functions of the folded stream and nothing else, so that a rebuild
 * gives the same rows. Names are unique among those at one place that are not deleted.
 */
export const clusterTable = {
  model: clusterModel,
  table: "clusters",
  smallColumns: ["body"],
  largeColumns: [],
  /** All columns but `id` and `stream_version`. */
  toColumns: (cluster: ClusterState) => ({
    region: cluster.region,
    project: cluster.project,
    state: shownState(cluster),
    driver: cluster.spec.driver,
    name: cluster.spec.name,
    management_cluster: cluster.spec.place.managementCluster,
    namespace: cluster.spec.place.namespace,
    created_at: new Date(cluster.createdAt),
    body: cluster,
  }),
  fromRow: (row: Readonly<Record<string, unknown>>): ClusterState => row["body"] as ClusterState,
} as const;
