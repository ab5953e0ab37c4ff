import { age, condition, count, define, text } from "./define.ts";
import type { Kind } from "./kind.ts";

const group = "kubevirt.io";
const versions = ["v1", "v1alpha3"] as const;
const categories = ["all"] as const;
const phase = text("Phase", ".status.phase");

/** The kinds of KubeVirt (v1.9) and of its disk importer CDI (v1.66). A VirtualMachineInstance has no status subresource. */
export const kubevirtKinds: readonly Kind[] = [
  define({
    group,
    versions,
    categories,
    kind: "VirtualMachine",
    plural: "virtualmachines",
    shortNames: ["vm", "vms"],
    columns: [age, text("Status", ".status.printableStatus"), condition("Ready")],
  }),
  define({
    group,
    versions,
    categories,
    kind: "VirtualMachineInstance",
    plural: "virtualmachineinstances",
    shortNames: ["vmi", "vmis"],
    hasStatus: false,
    columns: [
      age,
      phase,
      text("IP", ".status.interfaces[0].ipAddress"),
      text("NodeName", ".status.nodeName"),
      condition("Ready"),
      condition("LiveMigratable", 1, "Live-Migratable"),
      condition("Paused", 1),
    ],
  }),
  define({
    group,
    versions,
    categories,
    kind: "VirtualMachineInstanceMigration",
    plural: "virtualmachineinstancemigrations",
    shortNames: ["vmim", "vmims"],
    columns: [phase, text("VMI", ".spec.vmiName")],
  }),
  define({
    group: "cdi.kubevirt.io",
    versions: ["v1beta1"],
    categories,
    kind: "DataVolume",
    plural: "datavolumes",
    shortNames: ["dv", "dvs"],
    columns: [
      phase,
      text("Progress", ".status.progress"),
      count("Restarts", ".status.restartCount"),
      age,
    ],
  }),
];
