import { z } from "zod";
import { Conditions } from "#drivers/kubernetes/conditions.ts";
import { ManagedMeta } from "#drivers/kubernetes/managers.ts";
import { type Kind, Meta } from "#drivers/kubernetes/object.ts";

/** The fields of k0rdent's objects that we read (k0rdent.mirantis.com/v1beta1 of kcm v1.11.4). */

const group = "k0rdent.mirantis.com";
const versions = ["v1beta1"] as const;

const Values = z.record(z.string(), z.unknown());
export type Values = z.infer<typeof Values>;

const ClusterDeployment = z.object({
  metadata: ManagedMeta,
  spec: z.object({
    template: z.string(),
    dryRun: z.boolean().default(false),
    config: Values.nullish().transform((config) => config ?? {}),
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      conditions: Conditions,
      /** Names of ClusterTemplates. */
      availableUpgrades: z.array(z.string()).default([]),
      /** Its machines are objects of another management cluster. */
      region: z.string().default(""),
    })
    .default({ observedGeneration: 0, conditions: [], availableUpgrades: [], region: "" }),
});
export type ClusterDeployment = z.infer<typeof ClusterDeployment>;

export const clusterDeploymentKind: Kind<ClusterDeployment> = {
  group,
  versions,
  kind: "ClusterDeployment",
  plural: "clusterdeployments",
  schema: ClusterDeployment,
};

const ClusterTemplate = z.object({
  metadata: Meta,
  status: z
    .object({
      valid: z.boolean().default(false),
      validationError: z.string().default(""),
      k8sVersion: z.string().default(""),
      /** The Helm chart's default values. */
      config: Values.nullish().transform((config) => config ?? {}),
      schemaConfigMapName: z.string().default(""),
    })
    .default({
      valid: false,
      validationError: "",
      k8sVersion: "",
      config: {},
      schemaConfigMapName: "",
    }),
});
export type ClusterTemplate = z.infer<typeof ClusterTemplate>;

export const clusterTemplateKind: Kind<ClusterTemplate> = {
  group,
  versions,
  kind: "ClusterTemplate",
  plural: "clustertemplates",
  schema: ClusterTemplate,
};

const ClusterTemplateChain = z.object({
  metadata: Meta,
  spec: z
    .object({
      supportedTemplates: z
        .array(
          z.object({
            name: z.string(),
            availableUpgrades: z.array(z.object({ name: z.string() })).default([]),
          }),
        )
        .default([]),
    })
    .default({ supportedTemplates: [] }),
});
export type ClusterTemplateChain = z.infer<typeof ClusterTemplateChain>;

export const clusterTemplateChainKind: Kind<ClusterTemplateChain> = {
  group,
  versions,
  kind: "ClusterTemplateChain",
  plural: "clustertemplatechains",
  schema: ClusterTemplateChain,
};

const Credential = z.object({
  metadata: Meta,
  spec: z
    .object({
      /** The region in which its clusters are made; empty: this management cluster. */
      region: z.string().default(""),
    })
    .default({ region: "" }),
  status: z
    .object({ ready: z.boolean().default(false), conditions: Conditions })
    .default({ ready: false, conditions: [] }),
});
type Credential = z.infer<typeof Credential>;

export const credentialKind: Kind<Credential> = {
  group,
  versions,
  kind: "Credential",
  plural: "credentials",
  schema: Credential,
};

const ConfigMap = z.object({
  metadata: Meta,
  data: z.record(z.string(), z.string()).default({}),
});
type ConfigMap = z.infer<typeof ConfigMap>;

export const configMapKind: Kind<ConfigMap> = {
  group: "",
  versions: ["v1"],
  kind: "ConfigMap",
  plural: "configmaps",
  schema: ConfigMap,
};
