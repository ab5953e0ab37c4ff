import { Failure } from "#contract/failures.ts";
import type { ClusterRef } from "#drivers/cluster-ports.ts";
import { refuseManaged } from "#drivers/kubernetes/managers.ts";
import type { JsonPatch } from "#drivers/kubernetes/object.ts";
import type { ClusterDeployment } from "./kinds.ts";
import { nodePoolAnnotation } from "./look.ts";
import { scalesNot, wishedCounts, workersKey } from "./values.ts";

/**
 * The patch that sets the number of workers among the template's values; null when it is that. NOT_FOUND for another pool than the cluster
 * has, VALIDATION_ERROR where the template counts no workers, CONFLICT where another field manager set the number.
 */
export const scaleOf = (
  { name: cluster }: Pick<ClusterRef, "name">,
  { nodePool, nodeCount }: { readonly nodePool: string; readonly nodeCount: number },
  { metadata, spec }: ClusterDeployment,
): readonly JsonPatch[] | null => {
  const own = metadata.annotations[nodePoolAnnotation];
  if (own !== nodePool) {
    throw new Failure("NOT_FOUND", `the cluster ${cluster} has no node pool ${nodePool}`, {
      details: { nodePool, nodePools: own === undefined ? [] : [own] },
    });
  }
  // Where the template counts workers, their number was written at creation.
  const { workers } = wishedCounts(spec.config);
  if (workers === null) {
    throw new Failure("VALIDATION_ERROR", scalesNot(spec.template), {
      details: { fields: { nodeCount: scalesNot(spec.template) } },
    });
  }
  if (workers === nodeCount) return null;
  const what = `the number of machines of ${nodePool} in cluster ${cluster}`;
  refuseManaged(metadata.managedFields, ["spec", "config", workersKey], what);
  const path = `/spec/config/${workersKey}`;
  return [
    { op: "test", path, value: workers },
    { op: "replace", path, value: nodeCount },
  ];
};
