import { z } from "zod";
import { type Condition, Conditions } from "#drivers/kubernetes/conditions.ts";
import { ManagedMeta } from "#drivers/kubernetes/managers.ts";
import { type Kind, Meta } from "#drivers/kubernetes/object.ts";

/**
 * The fields of Cluster API's objects that we read (core/v1beta2 and core/v1beta1 of v1.14). Where the versions differ, the schema turns both into
 * one form, which is v1beta2's; from v1beta1 its newer conditions and counters are taken (`status.v1beta2`, Cluster API 1.9 and later).
 */

const group = "cluster.x-k8s.io";
const versions = ["v1beta2", "v1beta1"] as const;

const Versions = z
  .array(z.object({ version: z.string(), replicas: z.number().default(0) }))
  .default([]);

const Counts = z.object({
  desiredReplicas: z.number().optional(),
  replicas: z.number().optional(),
  availableReplicas: z.number().optional(),
  upToDateReplicas: z.number().optional(),
  versions: Versions,
});
type Counts = z.infer<typeof Counts>;

const noCounts: Counts = { versions: [] };

const Override = z.object({ name: z.string(), value: z.unknown() });

const Topology = z.object({
  classRef: z.object({ name: z.string() }).optional(),
  class: z.string().optional(),
  version: z.string(),
  controlPlane: z
    .object({
      replicas: z.number().optional(),
    })
    .default({}),
  variables: z.array(Override).default([]),
  workers: z
    .object({
      machineDeployments: z
        .array(
          z.object({
            name: z.string(),
            replicas: z.number().nullish(),
            metadata: z
              .object({ annotations: z.record(z.string(), z.string()).default({}) })
              .default({ annotations: {} }),
          }),
        )
        .default([]),
    })
    .default({ machineDeployments: [] }),
});

const Parts = {
  conditions: Conditions,
  controlPlane: Counts.optional(),
  workers: Counts.optional(),
};

const ClusterSchema = z
  .object({
    apiVersion: z.string().default(""),
    metadata: ManagedMeta,
    spec: z
      .object({
        controlPlaneEndpoint: z
          .object({ host: z.string().default(""), port: z.number().default(0) })
          .optional(),
        topology: Topology.optional(),
        paused: z.boolean().default(false),
      })
      .default({ paused: false }),
    status: z
      .object({
        observedGeneration: z.number().optional(),
        phase: z.string().optional(),
        initialization: z
          .object({
            infrastructureProvisioned: z.boolean().optional(),
            controlPlaneInitialized: z.boolean().optional(),
          })
          .optional(),
        infrastructureReady: z.boolean().optional(),
        v1beta2: z.object(Parts).optional(),
        ...Parts,
      })
      .optional(),
  })
  .transform(({ apiVersion, metadata, spec, status }) => {
    const newer = apiVersion === `${group}/v1beta1` ? status?.v1beta2 : status;
    const { topology, controlPlaneEndpoint } = spec;
    return {
      metadata,
      paused: spec.paused,
      topology: topology === undefined ? null : topologyOf(topology),
      className: topology?.classRef?.name ?? topology?.class ?? null,
      endpoint:
        controlPlaneEndpoint === undefined || controlPlaneEndpoint.host === ""
          ? null
          : `${controlPlaneEndpoint.host}:${controlPlaneEndpoint.port}`,
      observedGeneration: status?.observedGeneration ?? 0,
      phase: status?.phase ?? "",
      infrastructureProvisioned:
        status?.initialization?.infrastructureProvisioned ?? status?.infrastructureReady ?? false,
      controlPlaneInitialized: status?.initialization?.controlPlaneInitialized ?? false,
      conditions: newer?.conditions ?? ([] as Condition[]),
      controlPlane: newer?.controlPlane ?? noCounts,
      workers: newer?.workers ?? noCounts,
    };
  });

const topologyOf = ({ version, controlPlane, workers }: z.infer<typeof Topology>) => ({
  version,
  controlPlaneReplicas: controlPlane.replicas ?? null,
  /** Their order is that of the object, which a JSON patch needs; null leaves the number to an autoscaler. */
  nodePools: workers.machineDeployments.map(({ name, replicas, metadata }) => ({
    name,
    replicas: replicas ?? null,
    autoscaling: autoscalingOf(metadata.annotations),
  })),
});

const autoscalerAnnotation = "cluster.x-k8s.io/cluster-api-autoscaler-node-group";

/** Between which numbers cluster-autoscaler keeps a pool (its annotations are texts); null: it does not. */
const autoscalingOf = (annotations: Readonly<Record<string, string>>) => {
  const min = annotations[`${autoscalerAnnotation}-min-size`];
  const max = annotations[`${autoscalerAnnotation}-max-size`];
  return min === undefined || max === undefined ? null : { min, max };
};

export type CapiCluster = z.infer<typeof ClusterSchema>;

export const clusterKind: Kind<CapiCluster> = {
  group,
  versions,
  kind: "Cluster",
  plural: "clusters",
  schema: ClusterSchema,
};

const Variable = z.object({
  name: z.string(),
  required: z.boolean().default(false),
  schema: z
    .object({
      openAPIV3Schema: z
        .looseObject({
          default: z.unknown().optional(),
          properties: z.record(z.string(), z.unknown()).optional(),
        })
        .default({}),
    })
    .default({ openAPIV3Schema: {} }),
});
export type ClassVariable = z.infer<typeof Variable>;

const ClusterClassSchema = z
  .object({
    apiVersion: z.string().default(""),
    metadata: Meta,
    spec: z
      .object({
        kubernetesVersions: z.array(z.string()).default([]),
        variables: z.array(Variable).default([]),
        controlPlane: z.object({ machineInfrastructure: z.unknown().optional() }).default({}),
        workers: z
          .object({
            machineDeployments: z.array(z.object({ class: z.string() })).default([]),
          })
          .default({ machineDeployments: [] }),
      })
      .default({
        kubernetesVersions: [],
        variables: [],
        controlPlane: {},
        workers: { machineDeployments: [] },
      }),
    status: z
      .object({
        /** Those that a runtime extension brings stand here only. */
        variables: z
          .array(
            z.object({
              name: z.string(),
              definitions: z.array(Variable.omit({ name: true })).default([]),
            }),
          )
          .default([]),
        conditions: Conditions,
        v1beta2: z.object({ conditions: Conditions }).optional(),
      })
      .optional(),
  })
  .transform(({ apiVersion, metadata, spec, status }) => {
    const newer = apiVersion === `${group}/v1beta1` ? status?.v1beta2 : status;
    const discovered = (status?.variables ?? []).flatMap(({ name, definitions }) =>
      definitions.slice(0, 1).map((definition) => ({ name, ...definition })),
    );
    const own = new Set(spec.variables.map(({ name }) => name));
    return {
      metadata,
      kubernetesVersions: spec.kubernetesVersions,
      variables: [...spec.variables, ...discovered.filter(({ name }) => !own.has(name))],
      /** False: it runs elsewhere, in pods for instance, and no machine is made for it. */
      controlPlaneOfMachines: spec.controlPlane.machineInfrastructure !== undefined,
      workerClass: spec.workers.machineDeployments[0]?.class ?? null,
      conditions: newer?.conditions ?? [],
    };
  });
export type ClusterClass = z.infer<typeof ClusterClassSchema>;

export const clusterClassKind: Kind<ClusterClass> = {
  group,
  versions,
  kind: "ClusterClass",
  plural: "clusterclasses",
  schema: ClusterClassSchema,
};

const MachineDeploymentSchema = z
  .object({
    apiVersion: z.string().default(""),
    metadata: Meta,
    spec: z
      .object({
        replicas: z.number().optional(),
        template: z
          .object({ spec: z.object({ version: z.string().optional() }).default({}) })
          .default({ spec: {} }),
      })
      .default({ template: { spec: {} } }),
    status: Counts.extend({
      observedGeneration: z.number().optional(),
      conditions: Conditions,
      v1beta2: Counts.omit({ replicas: true }).extend({ conditions: Conditions }).optional(),
    }).optional(),
  })
  .transform(({ apiVersion, metadata, spec, status }) => {
    const newer = apiVersion === `${group}/v1beta1` ? status?.v1beta2 : status;
    return {
      metadata,
      desired: spec.replicas ?? null,
      version: spec.template.spec.version ?? null,
      observed: (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0),
      conditions: newer?.conditions ?? ([] as Condition[]),
      counts: { ...noCounts, ...newer, replicas: status?.replicas ?? 0 },
    };
  });
export type MachineDeployment = z.infer<typeof MachineDeploymentSchema>;

export const machineDeploymentKind: Kind<MachineDeployment> = {
  group,
  versions,
  kind: "MachineDeployment",
  plural: "machinedeployments",
  schema: MachineDeploymentSchema,
};

const MachineSchema = z
  .object({
    apiVersion: z.string().default(""),
    metadata: Meta,
    spec: z.object({ version: z.string().optional() }).default({}),
    status: z
      .object({
        conditions: Conditions,
        v1beta2: z.object({ conditions: Conditions }).optional(),
      })
      .optional(),
  })
  .transform(({ apiVersion, metadata, spec, status }) => {
    const newer = apiVersion === `${group}/v1beta1` ? status?.v1beta2 : status;
    return {
      metadata,
      version: spec.version ?? null,
      conditions: newer?.conditions ?? ([] as Condition[]),
    };
  });
export type Machine = z.infer<typeof MachineSchema>;

export const machineKind: Kind<Machine> = {
  group,
  versions,
  kind: "Machine",
  plural: "machines",
  schema: MachineSchema,
};

/** Cluster API's labels (`api/core/v1beta2/common_types.go`). */
export const capiLabels = {
  cluster: "cluster.x-k8s.io/cluster-name",
  controlPlane: "cluster.x-k8s.io/control-plane",
  deployment: "cluster.x-k8s.io/deployment-name",
  topologyDeployment: "topology.cluster.x-k8s.io/deployment-name",
} as const;
