import { Failure } from "#contract/failures.ts";
import type { ClusterRef } from "#drivers/cluster-ports.ts";
import { refuseManaged } from "#drivers/kubernetes/managers.ts";
import type { JsonPatch } from "#drivers/kubernetes/object.ts";
import type { CapiCluster } from "./kinds.ts";

/**
 * The patch that sets the version of a cluster's topology; null when it is that. KUBERNETES_REJECTED without a topology. CONFLICT where another
 * field manager set the version.
 */
export const upgradeOf = (
  { name: cluster }: Pick<ClusterRef, "name">,
  kubernetesVersion: string,
  { metadata, topology }: CapiCluster,
): readonly JsonPatch[] | null => {
  if (topology === null) {
    throw new Failure(
      "KUBERNETES_REJECTED",
      `the cluster ${cluster} has no topology, so nothing upgrades it as a whole`,
      { details: { reason: "no-topology" } },
    );
  }
  if (topology.version === kubernetesVersion) return null;
  const field = ["spec", "topology", "version"];
  refuseManaged(metadata.managedFields, field, `the Kubernetes version of cluster ${cluster}`);
  const path = `/${field.join("/")}`;
  return [
    { op: "test", path, value: topology.version },
    { op: "replace", path, value: kubernetesVersion },
  ];
};
