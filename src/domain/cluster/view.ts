import { Cluster } from "#contract/cluster.ts";
import { inOrder } from "#contract/in-order.ts";
import { heldBy, holder, shownState } from "#domain/at-work.ts";
import { offeredActions } from "./can.ts";
import type { ClusterState } from "./state.ts";

const instant = (ms: number): string => new Date(ms).toISOString();

/** Where the API serves a cluster: a path without host, so that it holds behind any proxy. */
export const clusterPath = (cluster: Pick<ClusterState, "id" | "region" | "project">): string =>
  `/v1/regions/${cluster.region}/projects/${cluster.project}/compute/clusters/${cluster.id}`;

/** The public cluster. The kubeconfig's reference and the undo's memory stay behind. */
export function clusterView(cluster: ClusterState): Cluster {
  const { rest } = cluster;
  const self = clusterPath(cluster);
  return inOrder<Cluster>(Cluster, {
    id: cluster.id,
    region: cluster.region,
    project: cluster.project,
    ...cluster.spec,
    state: shownState(cluster),
    error:
      rest.state === "error" ? { code: rest.code, message: rest.message, run: rest.run } : null,
    problems: [...cluster.problems],
    actions: [...offeredActions(cluster)],
    activeRunId: holder(cluster) ?? heldBy(cluster),
    // Rows that were written when a deletion still left it have it until they are folded anew.
    endpoint: rest.state === "deleted" ? null : cluster.endpoint,
    servers: [...cluster.servers],
    hasKubeconfig: cluster.kubeconfig !== null,
    createdAt: instant(cluster.createdAt),
    updatedAt: instant(cluster.updatedAt),
    links: {
      self,
      kubeconfig: `${self}/kubeconfig`,
      runs: `${self}/runs`,
      events: `${self}/events`,
    },
  });
}
