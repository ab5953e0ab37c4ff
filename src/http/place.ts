import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { ClusterId, PoolId, ServerId, VmId } from "#contract/ids.ts";

/** The project that the first start makes; so far the only one. */
export const DEFAULT_PROJECT = "default";

const placeShape = {
  region: z.string().min(1).max(64).meta({ description: "The region's code", example: "local" }),
  project: z.string().min(1).max(64).meta({ description: "The project", example: DEFAULT_PROJECT }),
};
export const PlaceParams = z.strictObject(placeShape);
export const ServerParams = z.strictObject({ ...placeShape, serverId: ServerId });
export const ClusterParams = z.strictObject({ ...placeShape, clusterId: ClusterId });
export const VmParams = z.strictObject({ ...placeShape, vmId: VmId });
export const PoolParams = z.strictObject({ ...placeShape, poolId: PoolId });

export interface Place {
  readonly region: string;
  readonly project: string;
}

/** The place that a path names; NOT_FOUND when this installation is not there. */
export function placeOf({ region, project }: Place, here: string): Place {
  if (region !== here) throw new Failure("NOT_FOUND", `there is no region ${region} here`);
  if (project !== DEFAULT_PROJECT)
    throw new Failure("NOT_FOUND", `there is no project ${project} in ${region}`);
  return { region, project };
}
