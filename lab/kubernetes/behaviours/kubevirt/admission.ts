import { isDeepStrictEqual } from "node:util";
import type {
  Admission,
  AdmissionWrite,
  ClusterView,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { admitMigration } from "./migration-admission.ts";
import { runStrategies, vmSpec } from "./objects.ts";
import type { InstanceSpec, VmSpec } from "./objects.ts";

interface Problem {
  readonly message: string;
  readonly field: string;
}

/** The rules of virt-api's webhooks that a client of virtual machines can meet, and their defaults. */
export function admitKubevirt(write: AdmissionWrite, cluster: ClusterView): Admission {
  const { operation, object, old } = write;
  if (!object.apiVersion.startsWith("kubevirt.io/")) return { kind: "allowed", object };
  if (object.kind === "VirtualMachineInstanceMigration") return admitMigration(write, cluster);
  if (operation === "delete") return { kind: "allowed", object };
  if (object.kind === "VirtualMachineInstance") {
    const isChanged = old !== null && !isDeepStrictEqual(object["spec"], old["spec"]);
    const message = "update of VMI object is restricted";
    if (isChanged) return { kind: "refused", reason: "Invalid", message, field: "spec" };
    const [problem] = wrongInstance(object["spec"] as InstanceSpec, "spec");
    return problem === undefined ? { kind: "allowed", object } : refuse(problem);
  }
  if (object.kind !== "VirtualMachine") return { kind: "allowed", object };
  const spec = vmSpec(object);
  const [problem] = [
    ...wrongStrategy(spec),
    ...wrongInstance(spec.template.spec, "spec.template.spec"),
    ...wrongTemplates(spec),
  ];
  return problem === undefined
    ? { kind: "allowed", object: withDefaults(object) }
    : refuse(problem);
}

function refuse({ message, field }: Problem): Admission {
  return { kind: "refused", reason: "Invalid", message, field };
}

/** What the mutating webhook writes into the spec: a client that compares finds fields that it never set. */
function withDefaults(vm: KubeObject): KubeObject {
  const spec = vmSpec(vm);
  const { spec: instance } = spec.template;
  const { domain } = instance;
  const machine = { ...domain.machine, type: domain.machine?.type ?? "q35" };
  const architecture = instance.architecture ?? "amd64";
  const template = {
    ...spec.template,
    spec: { ...instance, architecture, domain: { ...domain, machine } },
  };
  return { ...vm, spec: { ...spec, template } };
}

function wrongStrategy({ running, runStrategy }: VmSpec): readonly Problem[] {
  if (running !== undefined && running !== null && runStrategy !== undefined) {
    const message =
      "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead";
    return [{ message, field: "spec.running" }];
  }
  if (runStrategy === undefined) {
    if (running !== undefined && running !== null) return [];
    return [{ message: "RunStrategy must be specified", field: "spec.runStrategy" }];
  }
  if (runStrategies.includes(runStrategy)) return [];
  return [{ message: `Invalid RunStrategy (${String(runStrategy)})`, field: "spec.runStrategy" }];
}

function wrongInstance(spec: InstanceSpec, path: string): readonly Problem[] {
  const { disks = [], filesystems = [], interfaces = [] } = spec.domain.devices;
  const volumes = spec.volumes ?? [];
  const networks = spec.networks ?? [];
  const devices = `${path}.domain.devices`;
  return [
    ...repeated(disks, `${devices}.disks`),
    ...repeated(volumes, `${path}.volumes`),
    ...unknown(disks, volumes, `${devices}.disks`),
    ...unknown(volumes, [...disks, ...filesystems], `${path}.volumes`),
    ...unknown(interfaces, networks, `${devices}.interfaces`),
    ...unknown(networks, interfaces, `${path}.networks`),
  ];
}

interface Named {
  readonly name: string;
}

function repeated(all: readonly Named[], path: string): readonly Problem[] {
  return all.flatMap(({ name }, index) => {
    if (all.findIndex((other) => other.name === name) === index) return [];
    const field = `${path}[${index}].name`;
    return [
      {
        message: `${path}[${index}] and another entry must not have the same name '${name}'.`,
        field,
      },
    ];
  });
}

/** What refers to something that is not there. */
function unknown(all: readonly Named[], known: readonly Named[], path: string): readonly Problem[] {
  return all.flatMap(({ name }, index) => {
    if (known.some((other) => other.name === name)) return [];
    const field = `${path}[${index}].name`;
    return [{ message: `${field} '${name}' not found.`, field }];
  });
}

function wrongTemplates({ dataVolumeTemplates = [], template }: VmSpec): readonly Problem[] {
  const used = (template.spec.volumes ?? []).map(({ dataVolume, persistentVolumeClaim }) =>
    dataVolume === undefined ? persistentVolumeClaim?.claimName : dataVolume.name,
  );
  return dataVolumeTemplates.flatMap(({ metadata }, index) => {
    const field = `spec.dataVolumeTemplates[${index}]`;
    const name = (metadata as Partial<Named> | undefined)?.name ?? "";
    if (name === "") return [{ message: "'name' field must not be empty", field: `${field}.name` }];
    if (used.includes(name)) return [];
    const message = `DataVolumeTemplate entry ${field} must be referenced in the VMI template's 'volumes' list`;
    return [{ message, field }];
  });
}
