import { z } from "zod";
import { failureCodes } from "./failures.ts";
import { ClusterId, Instant, PoolId, RunId, SecretId, ServerId } from "./ids.ts";
import { WorkflowType } from "./run.ts";

export const ClusterLifecycleState = z.enum([
  "creating",
  "running",
  "scaling",
  "upgrading",
  "deleting",
  "deleted",
  "error",
]);
export type ClusterLifecycleState = z.infer<typeof ClusterLifecycleState>;

/** What can be asked of a cluster that exists. */
export const ClusterAction = z.enum(["scale", "upgrade", "delete"]);
export type ClusterAction = z.infer<typeof ClusterAction>;

export const ClusterDriver = z.enum(["cluster-api", "k0rdent"]).meta({
  description:
    "Who builds the cluster on the management cluster: Cluster API from a ClusterClass, or k0rdent from a ClusterTemplate",
});
export type ClusterDriver = z.infer<typeof ClusterDriver>;

/** A Kubernetes version as Cluster API writes it. */
export const KubernetesVersion = z
  .string()
  .regex(/^v\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]+)?$/, "must be a version like v1.34.2")
  .meta({ example: "v1.34.2" });

/** A name of RFC 1123 that leaves Kubernetes room for the suffixes of machines. */
export const ClusterName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
    "must be 1 to 40 lower-case letters, digits and hyphens, beginning with a letter and ending with a letter or digit",
  );

/** Where the objects of a cluster or a virtual machine are kept. */
export const KubernetesPlace = z.object({
  managementCluster: z
    .string()
    .meta({ description: "A context of the configured kubeconfig, or `in-cluster`" }),
  namespace: z.string(),
});
export type KubernetesPlace = z.infer<typeof KubernetesPlace>;

export const ControlPlaneSpec = z.object({
  replicas: z.number().int(),
  pool: z
    .string()
    .nullable()
    .meta({ description: "The server pool that its machines are drawn from; null: virtual ones" }),
});

export const NodePoolSpec = z.object({
  name: z.string(),
  nodeCount: z.number().int(),
  pool: z.string().nullable(),
});
export type NodePoolSpec = z.infer<typeof NodePoolSpec>;

/** A server that a cluster has. */
export const ClusterServer = z.object({
  server: ServerId,
  pool: PoolId.meta({ description: "The server pool that it was drawn from" }),
  group: z.string().meta({
    description: "The node pool that it works for; `control-plane` for the control plane",
  }),
});
export type ClusterServer = z.infer<typeof ClusterServer>;

/** What is not well in the world, as it said itself. Operators retry for ever, so it may pass. */
export const Problem = z.object({
  source: z.string().meta({ description: "The object that said it", example: "Cluster/prod" }),
  reason: z.string(),
  message: z.string(),
});
export type Problem = z.infer<typeof Problem>;

/** What was asked for and fixed when the cluster was created. */
export const ClusterSpec = z.object({
  name: ClusterName,
  driver: ClusterDriver,
  place: KubernetesPlace,
  kubernetesVersion: z.string(),
  class: z.string().nullable().meta({ description: "The ClusterClass; null with k0rdent" }),
  template: z
    .string()
    .nullable()
    .meta({ description: "The ClusterTemplate; null without k0rdent" }),
  credential: z.string().nullable().meta({ description: "The k0rdent Credential" }),
  config: z.record(z.string(), z.unknown()).nullable().meta({
    description:
      "cluster-api: the topology's variables by name; k0rdent: the template's values. Kept in the journal and shown, so never a place for secrets",
  }),
  controlPlane: ControlPlaneSpec,
  nodePools: z.array(NodePoolSpec),
  protected: z.boolean().meta({ description: "A protected cluster cannot be deleted" }),
});
export type ClusterSpec = z.infer<typeof ClusterSpec>;

/** The public cluster. */
export const Cluster = z
  .object({
    id: ClusterId,
    region: z.string(),
    project: z.string(),
    ...ClusterSpec.shape,
    state: ClusterLifecycleState,
    error: z
      .object({ code: z.enum(failureCodes), message: z.string(), run: RunId })
      .nullable()
      .meta({ description: "What put the cluster into `error`, and the run that tells the story" }),
    problems: z.array(Problem).meta({
      description:
        "What it was last seen to complain of; while a run waits, what has passed stays for some minutes",
    }),
    actions: z.array(ClusterAction),
    activeRunId: RunId.nullable().meta({
      description:
        "The run that has this cluster: it is changing it now, or it failed and is held, until it is undone, retried or abandoned",
    }),
    endpoint: z.string().nullable().meta({
      description: "The cluster's own API server, once it has one and until it is deleted",
    }),
    servers: z.array(ClusterServer),
    hasKubeconfig: z.boolean(),
    createdAt: Instant,
    updatedAt: Instant,
    links: z.object({
      self: z.string(),
      kubeconfig: z.string(),
      runs: z.string(),
      events: z.string(),
    }),
  })
  .meta({ id: "Cluster" });
export type Cluster = z.infer<typeof Cluster>;

const runError = z
  .object({
    code: z.enum(failureCodes),
    message: z.string(),
    restorable: z.boolean().meta({
      description: "The run's undo, asked for later, may still bring back the state before",
    }),
    held: z
      .literal(true)
      .optional()
      .meta({ description: "The run keeps the lock until it is undone or retried" }),
  })
  .nullable();

/** Every fact of a cluster's stream, by type. The run that caused it stands in the event's `meta.causation`. */
export const clusterFacts = {
  "cluster.requested": z.object({
    cluster: ClusterId,
    region: z.string(),
    project: z.string(),
    spec: ClusterSpec,
  }),
  "cluster.run_began": z.object({
    run: RunId,
    workflow: WorkflowType,
    state: ClusterLifecycleState.nullable(),
  }),
  "cluster.run_ended": z.object({
    run: RunId,
    status: z.enum(["completed", "failed", "cancelled"]),
    error: runError,
  }),
  "cluster.creation_undone": z.object({}),
  "cluster.servers_allocated": z.object({ servers: z.array(ClusterServer) }),
  "cluster.servers_released": z.object({ servers: z.array(ServerId) }),
  "cluster.problems_seen": z.object({ problems: z.array(Problem) }).meta({
    description:
      "Written when what is complained of changes, in other words or for a short while only after some minutes; empty: nothing any more",
  }),
  "cluster.kubeconfig_stored": z.object({ secret: SecretId }),
  "cluster.kubeconfig_removed": z.object({}),
  "cluster.kubeconfig_read": z.object({}).meta({ description: "By the event's actor" }),
  "cluster.created": z.object({ endpoint: z.string().nullable() }),
  "cluster.scaled": z.object({ nodePool: z.string(), nodeCount: z.number().int() }),
  "cluster.upgraded": z.object({ kubernetesVersion: z.string(), template: z.string().nullable() }),
  "cluster.updated": z.object({ protected: z.boolean() }),
  "cluster.deleted": z.object({}),
} as const;

export type ClusterFactType = keyof typeof clusterFacts;
export type ClusterFact = {
  [T in ClusterFactType]: { readonly type: T; readonly data: z.infer<(typeof clusterFacts)[T]> };
}[ClusterFactType];
