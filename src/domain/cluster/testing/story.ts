import type { ClusterFact, ClusterSpec } from "#contract/cluster.ts";
import { clusterModel } from "#domain/cluster/model.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { ResourceStory, idBody } from "#domain/testing/story.ts";

/** A cluster's life told for tests. */

export const clusterId = `cls_${idBody(1)}`;

export const spec: ClusterSpec = {
  name: "prod",
  driver: "cluster-api",
  place: { managementCluster: "mgmt", namespace: "default" },
  kubernetesVersion: "v1.34.2",
  class: "metal",
  template: null,
  credential: null,
  config: null,
  controlPlane: { replicas: 3, pool: null },
  nodePools: [{ name: "workers", nodeCount: 2, pool: "gpu-a" }],
  protected: false,
};

export const createInput = {
  clusterId,
  region: "local",
  project: "default",
  spec,
  onFailure: "undo",
} as const;

export const scaleInput = (nodeCount = 4, nodePool = "workers") => ({
  clusterId,
  nodePool,
  nodeCount,
});

export const upgradeInput = (kubernetesVersion = "v1.35.0") => ({
  clusterId,
  kubernetesVersion,
  spareServers: true,
});

export const deleteInput = { clusterId };

export const facts = {
  created: { type: "cluster.created", data: { endpoint: "192.0.2.20:6443" } },
  scaled: { type: "cluster.scaled", data: { nodePool: "workers", nodeCount: 4 } },
  upgraded: { type: "cluster.upgraded", data: { kubernetesVersion: "v1.35.0", template: null } },
  kubeconfig: { type: "cluster.kubeconfig_stored", data: { secret: `sec_${idBody(1)}` } },
  deleted: { type: "cluster.deleted", data: {} },
} as const satisfies Record<string, ClusterFact>;

export class Story extends ResourceStory<ClusterState, ClusterFact> {
  constructor() {
    super(clusterModel);
  }

  /** A cluster that was created. */
  running(): this {
    const run = this.begin("cluster.create", createInput);
    this.happened(run, facts.kubeconfig, facts.created);
    return this.end(run, "completed");
  }
}
