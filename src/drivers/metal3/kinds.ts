import { z } from "zod";
import { Conditions } from "#drivers/kubernetes/conditions.ts";
import { type Kind, Meta } from "#drivers/kubernetes/object.ts";

/** The fields of Metal3's kinds that we read (metal3.io/v1alpha1, the only version that there is). */

const Reference = z.object({ name: z.string().default("") });

const Image = z.object({ url: z.string().default("") });

const Period = z.object({ end: z.string().nullable().default(null) });

const BareMetalHost = z.object({
  metadata: Meta,
  spec: z.object({
    online: z.boolean().default(false),
    image: Image.optional(),
    customDeploy: z.object({ method: z.string() }).optional(),
    userData: Reference.optional(),
    networkData: Reference.optional(),
    consumerRef: z
      .object({ kind: z.string().default(""), name: z.string().default("") })
      .optional(),
    automatedCleaningMode: z.enum(["metadata", "disabled"]).default("metadata"),
  }),
  status: z
    .object({
      operationalStatus: z.string().default(""),
      errorType: z.string().default(""),
      errorMessage: z.string().default(""),
      errorCount: z.number().default(0),
      poweredOn: z.boolean().optional(),
      provisioning: z.object({ state: z.string().default(""), image: Image.optional() }).optional(),
      operationHistory: z.object({ deprovision: Period.optional() }).optional(),
      conditions: Conditions,
    })
    .optional(),
});
export type BareMetalHost = z.infer<typeof BareMetalHost>;

export const bareMetalHosts: Kind<BareMetalHost> = {
  group: "metal3.io",
  versions: ["v1alpha1"],
  kind: "BareMetalHost",
  plural: "baremetalhosts",
  schema: BareMetalHost,
};

const Hardware = z.object({
  cpu: z
    .object({
      arch: z.string().optional(),
      model: z.string().optional(),
      clockMegahertz: z.number().optional(),
      count: z.number().optional(),
    })
    .optional(),
  firmware: z
    .object({
      bios: z.object({ vendor: z.string().optional(), version: z.string().optional() }).optional(),
    })
    .optional(),
  hostname: z.string().optional(),
  nics: z
    .array(
      z.object({
        name: z.string().default(""),
        mac: z.string().default(""),
        model: z.string().optional(),
        speedGbps: z.number().optional(),
      }),
    )
    .default([]),
  ramMebibytes: z.number().optional(),
  storage: z
    .array(
      z.object({
        name: z.string().default(""),
        model: z.string().optional(),
        vendor: z.string().optional(),
        serialNumber: z.string().optional(),
        sizeBytes: z.number().optional(),
        type: z.string().optional(),
        rotational: z.boolean().optional(),
      }),
    )
    .default([]),
  systemVendor: z
    .object({
      manufacturer: z.string().optional(),
      productName: z.string().optional(),
      serialNumber: z.string().optional(),
    })
    .optional(),
});
export type Hardware = z.infer<typeof Hardware>;

const HardwareData = z.object({
  metadata: Meta,
  spec: z.object({ hardware: Hardware.optional() }).default({}),
});

/** What the last inspection found, under the host's name; made anew by each. */
export const hardwareData: Kind<z.infer<typeof HardwareData>> = {
  group: "metal3.io",
  versions: ["v1alpha1"],
  kind: "HardwareData",
  plural: "hardwaredata",
  schema: HardwareData,
};
