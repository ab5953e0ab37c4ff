import { age, condition, define, text } from "./define.ts";
import type { Kind } from "./kind.ts";

const group = "metal3.io";
const versions = ["v1alpha1"] as const;

/** The kinds of the Bare Metal Operator, with the columns and short names of its CRDs (v0.13). */
export const metal3Kinds: readonly Kind[] = [
  define({
    group,
    versions,
    kind: "BareMetalHost",
    plural: "baremetalhosts",
    shortNames: ["bmh", "bmhost"],
    columns: [
      text("Status", ".status.operationalStatus", 1),
      text("State", ".status.provisioning.state"),
      text("Consumer", ".spec.consumerRef.name"),
      text("BMC", ".spec.bmc.address", 1),
      text("Online", ".spec.online"),
      text("Error", ".status.errorType"),
      age,
    ],
  }),
  define({
    group,
    versions,
    kind: "HardwareData",
    plural: "hardwaredata",
    shortNames: ["hd"],
    hasStatus: false,
  }),
  define({
    group,
    versions,
    kind: "HostFirmwareSettings",
    plural: "hostfirmwaresettings",
    shortNames: ["hfs"],
    columns: [],
  }),
  define({
    group,
    versions,
    kind: "HostFirmwareComponents",
    plural: "hostfirmwarecomponents",
    columns: [],
  }),
  define({
    group,
    versions,
    kind: "FirmwareSchema",
    plural: "firmwareschemas",
    hasStatus: false,
    columns: [],
  }),
  define({
    group,
    versions,
    kind: "HostUpdatePolicy",
    plural: "hostupdatepolicies",
    hasStatus: false,
    columns: [],
  }),
  define({ group, versions, kind: "HostClaim", plural: "hostclaims", columns: [] }),
  define({
    group,
    versions,
    kind: "PreprovisioningImage",
    plural: "preprovisioningimages",
    shortNames: ["ppimg"],
    columns: [condition("Ready"), text("Reason", '.status.conditions[?(@.type=="Ready")].reason')],
  }),
];
