import { Failure } from "#contract/failures.ts";
import type { ClusterRef } from "#drivers/cluster-ports.ts";
import { refuseManaged } from "#drivers/kubernetes/managers.ts";
import type { JsonPatch } from "#drivers/kubernetes/object.ts";
import type { CapiCluster } from "./kinds.ts";

/**
 * The patch that sets the number of a node pool's machines; null when it is that. NOT_FOUND without the pool. CONFLICT where the number is
 * another's to set: a field manager's, or the autoscaler's, with which Cluster API's own webhook allows no number either.
 */
export const scaleOf = (
  { name: cluster }: Pick<ClusterRef, "name">,
  { nodePool, nodeCount }: { readonly nodePool: string; readonly nodeCount: number },
  { metadata, topology }: CapiCluster,
): readonly JsonPatch[] | null => {
  const pools = topology?.nodePools ?? [];
  const index = pools.findIndex(({ name }) => name === nodePool);
  const pool = pools[index];
  if (pool === undefined) {
    throw new Failure("NOT_FOUND", `the cluster ${cluster} has no node pool ${nodePool}`, {
      details: { nodePool, nodePools: pools.map(({ name }) => name) },
    });
  }
  if (pool.replicas === nodeCount) return null;
  const what = `the number of machines of ${nodePool} in cluster ${cluster}`;
  if (pool.autoscaling !== null) {
    const { min, max } = pool.autoscaling;
    throw new Failure(
      "CONFLICT",
      `${what} is cluster-autoscaler's, between ${min} and ${max} by the annotations of its topology: change those, or take them away first`,
      { details: { reason: "autoscaled", nodePool, min, max } },
    );
  }
  const list = ["spec", "topology", "workers", "machineDeployments"];
  refuseManaged(metadata.managedFields, [...list, { name: nodePool }, "replicas"], what);
  const path = `/${list.join("/")}/${index}`;
  return [
    { op: "test", path: `${path}/name`, value: nodePool },
    ...(pool.replicas === null
      ? []
      : [{ op: "test" as const, path: `${path}/replicas`, value: pool.replicas }]),
    { op: "add", path: `${path}/replicas`, value: nodeCount },
  ];
};
