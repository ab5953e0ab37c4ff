import { z } from "zod";
import { ClusterSpec } from "./cluster.ts";
import { ClusterId } from "./ids.ts";
import { OnFailure } from "./server-inputs.ts";

/** The inputs of the cluster workflows as the journal keeps them: ids, places and defaults are filled in. */

export const ClusterCreateInput = z.object({
  clusterId: ClusterId,
  region: z.string(),
  project: z.string(),
  spec: ClusterSpec,
  onFailure: OnFailure,
});
export type ClusterCreateInput = z.infer<typeof ClusterCreateInput>;

export const ClusterScaleInput = z.object({
  clusterId: ClusterId,
  nodePool: z.string(),
  nodeCount: z.number().int().nonnegative(),
});
export type ClusterScaleInput = z.infer<typeof ClusterScaleInput>;

export const ClusterUpgradeInput = z.object({
  clusterId: ClusterId,
  kubernetesVersion: z.string(),
  spareServers: z.boolean(),
});
export type ClusterUpgradeInput = z.infer<typeof ClusterUpgradeInput>;

export const ClusterDeleteInput = z.object({ clusterId: ClusterId });
export type ClusterDeleteInput = z.infer<typeof ClusterDeleteInput>;
