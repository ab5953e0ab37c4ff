import { controlPlaneGroup } from "#contract/cluster-requests.ts";
import type { ClusterFact } from "#contract/cluster.ts";
import type { ClusterId } from "#contract/ids.ts";
import type { ClusterState as ClusterRecord } from "#domain/cluster/state.ts";
import {
  type AllocationPort,
  type ClusterPort,
  type ClusterPorts,
  type HostPoolPort,
  hostLabelsOf,
  type WantedCluster,
} from "#drivers/cluster-ports.ts";
import type { SecretsPort } from "#drivers/ports.ts";
import { type StepContext, workflowKit } from "#engine/kit.ts";

/** What cluster workflows work with. */
export interface ClusterEnvironment {
  readonly ports: {
    readonly clusters: ClusterPorts;
    readonly allocations: AllocationPort;
    readonly hostPool: HostPoolPort;
    readonly secrets: SecretsPort;
  };
  readonly resource: ClusterRecord;
  readonly fact: ClusterFact;
}

/** However fast a lab's operators are, calls and their repeats take real time. */
export const workflow = workflowKit<ClusterEnvironment>({ least: "1m" });

/** The part of a step's context that the shared pieces need, whatever its input and output. */
export type ClusterContext = Omit<StepContext<ClusterEnvironment, unknown, unknown>, "prior">;

export const clusterPort = ({ ports, resource }: ClusterContext): ClusterPort =>
  ports.clusters[resource.spec.driver];

/** The cluster's wish in the driver's terms. Machines that come from a pool of servers are found by their labels. */
export const wantedOf = ({ id, spec }: ClusterRecord): WantedCluster => ({
  kubernetesVersion: spec.kubernetesVersion,
  class: spec.class,
  template: spec.template,
  credential: spec.credential,
  config: spec.config,
  controlPlane: {
    replicas: spec.controlPlane.replicas,
    hostLabels: labelsFor(id, controlPlaneGroup, spec.controlPlane.pool),
  },
  nodePools: spec.nodePools.map(({ name, nodeCount, pool }) => ({
    name,
    replicas: nodeCount,
    hostLabels: labelsFor(id, name, pool),
  })),
});

const labelsFor = (id: ClusterId, group: string, pool: string | null) =>
  pool === null ? null : hostLabelsOf(id, group);
