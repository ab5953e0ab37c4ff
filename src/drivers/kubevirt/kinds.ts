import { z } from "zod";
import { Conditions } from "#drivers/kubernetes/conditions.ts";
import { ManagedMeta } from "#drivers/kubernetes/managers.ts";
import { type Kind, Meta } from "#drivers/kubernetes/object.ts";

/** The fields of KubeVirt's and CDI's objects that we read (kubevirt.io/v1 of v1.9, cdi.kubevirt.io/v1beta1 of v1.66). */

const VirtualMachine = z.object({
  metadata: ManagedMeta,
  spec: z.object({
    runStrategy: z.string().nullish(),
    dataVolumeTemplates: z
      .array(z.object({ metadata: z.object({ name: z.string() }) }))
      .nullish()
      .transform((templates) => (templates ?? []).map(({ metadata }) => metadata.name)),
  }),
  status: z
    .object({
      printableStatus: z.string().default(""),
      created: z.boolean().default(false),
      ready: z.boolean().default(false),
      conditions: Conditions,
      startFailure: z.object({ consecutiveFailCount: z.number().optional() }).optional(),
      stateChangeRequests: z
        .array(z.object({ action: z.string(), uid: z.string().optional() }))
        .nullish()
        .transform((requests) => requests ?? []),
    })
    .optional(),
});
export type VirtualMachine = z.infer<typeof VirtualMachine>;

export const vmKind: Kind<VirtualMachine> = {
  group: "kubevirt.io",
  versions: ["v1"],
  kind: "VirtualMachine",
  plural: "virtualmachines",
  schema: VirtualMachine,
};

const Instance = z.object({
  metadata: Meta,
  status: z
    .object({
      phase: z.string().default(""),
      nodeName: z.string().optional(),
      conditions: Conditions,
      interfaces: z
        .array(
          z.object({
            ipAddress: z.string().optional(),
            ipAddresses: z.array(z.string()).optional(),
          }),
        )
        .default([]),
    })
    .default({ phase: "", conditions: [], interfaces: [] }),
});
export type Instance = z.infer<typeof Instance>;

export const instanceKind: Kind<Instance> = {
  group: "kubevirt.io",
  versions: ["v1"],
  kind: "VirtualMachineInstance",
  plural: "virtualmachineinstances",
  schema: Instance,
};

const DataVolume = z.object({
  metadata: Meta,
  status: z
    .object({
      phase: z.string().default(""),
      progress: z.string().optional(),
      conditions: Conditions,
    })
    .default({ phase: "", conditions: [] }),
});
export type DataVolume = z.infer<typeof DataVolume>;

export const dataVolumeKind: Kind<DataVolume> = {
  group: "cdi.kubevirt.io",
  versions: ["v1beta1"],
  kind: "DataVolume",
  plural: "datavolumes",
  schema: DataVolume,
};

/** The API that KubeVirt serves beside its objects for verbs on them. */
export const subresources = { group: "subresources.kubevirt.io", version: "v1" } as const;
