import { z } from "zod";
import { ClusterDriver, ClusterName, KubernetesVersion } from "./cluster.ts";
import { OnFailure } from "./server-inputs.ts";

/** The bodies of the cluster routes. Unknown fields are refused: a misspelt option must not be silently ignored. */

export const maxNodePools = 20;
export const maxNodeCount = 1_000;

/**
 * Most machines of one cluster: as many nodes as Kubernetes itself is made for. The journal takes the list of their servers in
 * one fact: each takes at most 136 bytes of its 1,048,576.
 */
export const maxMachines = 5_000;

/** All machines that are asked for, those of the control plane too. */
export const machinesOf = ({
  controlPlane,
  nodePools,
}: {
  readonly controlPlane: { readonly replicas: number };
  readonly nodePools: readonly { readonly nodeCount: number }[];
}): number => nodePools.reduce((sum, { nodeCount }) => sum + nodeCount, controlPlane.replicas);

export const tooManyMachines = (machines: number): string =>
  `must leave the cluster with at most ${maxMachines} machines, the control plane's among them: these would be ${machines}`;

/** The name under which the control plane's servers are listed. */
export const controlPlaneGroup = "control-plane";

/** Context names are anything that a kubeconfig's author likes; other names are those of Kubernetes' objects. */
export const ManagementCluster = z.string().min(1).max(253).meta({
  description:
    "The management cluster that keeps the objects: a context of the configured kubeconfig. Left out: its current one",
});
const ObjectName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
    "must be lower-case letters, digits, hyphens and dots, with a letter or digit at both ends",
  );
const ServerPool = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
  )
  .meta({
    description:
      "The pool of servers that its machines are drawn from. Left out: machines that the class or template makes of no servers; one that does is refused without, unless `hostSelector` in `config` says which hosts outside of Millwright are meant",
  });

const NodePoolName = ClusterName.refine(
  (name) => name !== controlPlaneGroup,
  `must not be ${controlPlaneGroup}: that is the control plane's own`,
);
const NodeCount = z.number().int().min(0).max(maxNodeCount);

const NodePool = z.strictObject({
  name: NodePoolName,
  nodeCount: NodeCount,
  pool: ServerPool.optional(),
});

const ControlPlane = z.strictObject({
  replicas: z
    .union([z.literal(1), z.literal(3), z.literal(5), z.literal(7)], {
      error: "must be 1, 3, 5 or 7: an even number of members survives no more losses",
    })
    .meta({ description: "1, 3, 5 or 7" }),
  pool: ServerPool.optional(),
});

/** Fields that only one of the drivers understands. */
const driverFields = {
  class: "cluster-api",
  template: "k0rdent",
  credential: "k0rdent",
} as const satisfies Record<string, ClusterDriver>;

export const CreateClusterBody = z
  .strictObject({
    name: ClusterName.meta({ description: "Unique at the place where its objects are kept" }),
    driver: ClusterDriver.default("cluster-api"),
    kubernetesVersion: KubernetesVersion,
    class: ObjectName.optional().meta({
      description: "cluster-api: the ClusterClass; can be left out when only one is offered",
    }),
    template: ObjectName.optional().meta({
      description:
        "k0rdent: the ClusterTemplate; can be left out when only one offered gives this version",
    }),
    credential: ObjectName.optional().meta({
      description:
        "k0rdent: the Credential, required; not one of a region, whose machines are out of sight",
    }),
    config: z.record(z.string().min(1).max(253), z.unknown()).optional().meta({
      description:
        "cluster-api: the topology's variables by name; k0rdent: the template's values. Kept in the journal and shown, so never a place for secrets",
    }),
    controlPlane: ControlPlane,
    nodePools: z
      .array(NodePool)
      .max(maxNodePools)
      .meta({
        description: `k0rdent: one at most. A cluster has at most ${maxMachines} machines, the control plane's among them`,
      }),
    protected: z
      .boolean()
      .default(false)
      .meta({ description: "A protected cluster cannot be deleted" }),
    managementCluster: ManagementCluster.optional(),
    onFailure: OnFailure.default("undo"),
  })
  .check(({ value, issues }) => {
    const refuse = (path: readonly (string | number)[], message: string): void => {
      issues.push({ code: "custom", message, path: [...path], input: value });
    };
    for (const [field, driver] of Object.entries(driverFields))
      if (value[field as keyof typeof driverFields] !== undefined && value.driver !== driver)
        refuse([field], `goes with the driver ${driver} only`);
    // Its object may lack one, but k0rdent looks one up for every cluster, so nothing would ever be made of it.
    if (value.driver === "k0rdent" && value.credential === undefined)
      refuse(["credential"], "is required with the driver k0rdent");
    // Its templates know one group of workers.
    if (value.driver === "k0rdent" && value.nodePools.length > 1)
      refuse(["nodePools"], "must be one at most with the driver k0rdent");
    const machines = machinesOf(value);
    if (machines > maxMachines) refuse(["nodePools"], tooManyMachines(machines));
    for (const [index, { name }] of value.nodePools.entries()) {
      const first = value.nodePools.findIndex((each) => each.name === name);
      if (first !== index)
        refuse(["nodePools", index, "name"], `is that of nodePools[${first}] too`);
    }
  })
  .meta({ id: "CreateCluster" });
export type CreateClusterBody = z.infer<typeof CreateClusterBody>;

export const ScaleClusterBody = z
  .strictObject({
    nodePool: NodePoolName.meta({ description: "The name of one of its node pools" }),
    nodeCount: NodeCount,
  })
  .meta({ id: "ScaleCluster" });
export type ScaleClusterBody = z.infer<typeof ScaleClusterBody>;

export const UpgradeClusterBody = z
  .strictObject({
    kubernetesVersion: KubernetesVersion.meta({
      description: "At most one minor version above the present one, and not below it",
    }),
    spareServers: z.boolean().default(true).meta({
      description:
        "Takes one more server for each group of machines from its pool while it is upgraded: most classes make a new machine before they take an old one away. False: for classes that do it the other way round (maxSurge 0)",
    }),
  })
  .meta({ id: "UpgradeCluster" });
export type UpgradeClusterBody = z.infer<typeof UpgradeClusterBody>;

/** The fields of one change, those that it needs and those that may come with them; a change is given whole, and alone. */
const changes = [
  { does: "scale a node pool", needs: ["nodePool", "nodeCount"], takes: [] },
  { does: "upgrade", needs: ["kubernetesVersion"], takes: ["spareServers"] },
  { does: "protect", needs: ["protected"], takes: [] },
] as const;

export const UpdateClusterBody = z
  .strictObject({
    nodePool: ScaleClusterBody.shape.nodePool.optional(),
    nodeCount: NodeCount.optional(),
    kubernetesVersion: UpgradeClusterBody.shape.kubernetesVersion.optional(),
    spareServers: UpgradeClusterBody.shape.spareServers.unwrap().optional(),
    protected: z.boolean().optional(),
  })
  .check(({ value, issues }) => {
    const asked = changes.filter(({ needs, takes }) =>
      [...needs, ...takes].some((field) => value[field] !== undefined),
    );
    const [change] = asked;
    const refuse = (path: readonly string[], message: string): void => {
      issues.push({ code: "custom", message, path: [...path], input: value });
    };
    if (change === undefined || asked.length > 1)
      refuse([], "must be one change: nodePool with nodeCount, kubernetesVersion, or protected");
    else
      for (const field of change.needs)
        if (value[field] === undefined) refuse([field], `is required to ${change.does}`);
  })
  .meta({ id: "UpdateCluster" });
export type UpdateClusterBody = z.infer<typeof UpdateClusterBody>;

export const DeleteClusterQuery = z.strictObject({});
