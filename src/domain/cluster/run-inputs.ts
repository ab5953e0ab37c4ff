import type {
  ClusterCreateInput,
  ClusterDeleteInput,
  ClusterScaleInput,
  ClusterUpgradeInput,
} from "#contract/cluster-inputs.ts";
import type {
  CreateClusterBody,
  ScaleClusterBody,
  UpgradeClusterBody,
} from "#contract/cluster-requests.ts";
import type { KubernetesPlace } from "#contract/cluster.ts";
import type { ClusterId } from "#contract/ids.ts";

/** From a checked request to a run's input. */

/** What the request left to choose, chosen: never looked up again, so that a retry builds the same cluster. */
export interface Chosen {
  readonly place: KubernetesPlace;
  readonly class: string | null;
  readonly template: string | null;
}

export function createInput(from: {
  readonly body: CreateClusterBody;
  readonly chosen: Chosen;
  readonly clusterId: ClusterId;
  readonly region: string;
  readonly project: string;
}): ClusterCreateInput {
  const { body, chosen, ...rest } = from;
  return {
    ...rest,
    spec: {
      name: body.name,
      driver: body.driver,
      ...chosen,
      kubernetesVersion: body.kubernetesVersion,
      credential: body.credential ?? null,
      config: body.config ?? null,
      controlPlane: {
        replicas: body.controlPlane.replicas,
        pool: body.controlPlane.pool ?? null,
      },
      nodePools: body.nodePools.map(({ name, nodeCount, pool }) => ({
        name,
        nodeCount,
        pool: pool ?? null,
      })),
      protected: body.protected,
    },
    onFailure: body.onFailure,
  };
}

export const scaleInput = (clusterId: ClusterId, body: ScaleClusterBody): ClusterScaleInput => ({
  clusterId,
  nodePool: body.nodePool,
  nodeCount: body.nodeCount,
});

export const upgradeInput = (
  clusterId: ClusterId,
  body: UpgradeClusterBody,
): ClusterUpgradeInput => ({
  clusterId,
  kubernetesVersion: body.kubernetesVersion,
  spareServers: body.spareServers,
});

export const deleteInput = (clusterId: ClusterId): ClusterDeleteInput => ({ clusterId });
