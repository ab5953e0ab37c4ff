import type { ClassPatch, ClusterClassSpec, JsonPatch, Topology, Variable } from "./model.ts";

/** Which of a class's templates a patch is asked about. */
export type PatchTarget =
  | { readonly kind: string; readonly for: "infrastructureCluster" | "controlPlane" }
  | { readonly kind: string; readonly for: "machineDeployment"; readonly class: string };

export type Values = ReadonlyMap<string, unknown>;

/** The class's defaults, under the cluster's values, under those of one control plane or deployment. */
export function valuesFor(
  spec: ClusterClassSpec,
  topology: Topology,
  overrides: readonly Variable[] = [],
): Values {
  const values = new Map<string, unknown>();
  for (const { name, schema } of spec.variables ?? []) {
    if (schema.openAPIV3Schema.default !== undefined) {
      values.set(name, schema.openAPIV3Schema.default);
    }
  }
  for (const { name, value } of [...(topology.variables ?? []), ...overrides]) {
    values.set(name, value);
  }
  return values;
}

/** A template's `spec.template.spec` as the class's patches leave it. Throws when a variable or a path is missing. */
export function patched(
  templateSpec: object,
  patches: readonly ClassPatch[],
  target: PatchTarget,
  values: Values,
): object {
  const document = structuredClone({ spec: { template: { spec: templateSpec } } });
  for (const { name, definitions } of patches) {
    for (const { selector, jsonPatches } of definitions ?? []) {
      if (!isMeant(selector, target)) continue;
      for (const patch of jsonPatches) apply(document, patch, name, values);
    }
  }
  return document.spec.template.spec;
}

type Selector = NonNullable<ClassPatch["definitions"]>[number]["selector"];

function isMeant({ kind, matchResources }: Selector, target: PatchTarget): boolean {
  if (kind !== target.kind) return false;
  if (target.for === "machineDeployment") {
    const names = matchResources.machineDeploymentClass?.names ?? [];
    return names.includes(target.class) || names.includes("*");
  }
  return matchResources[target.for] === true;
}

function apply(document: object, patch: JsonPatch, name: string, values: Values): void {
  const path = patch.path
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = path.pop() ?? "";
  const parent = path.reduce<unknown>(
    (at, part) => (isRecord(at) ? at[part] : undefined),
    document,
  );
  if (!isRecord(parent) || (patch.op !== "add" && !(last in parent))) {
    throw new Error(`failed to apply patch "${name}": path ${patch.path} does not exist`);
  }
  if (patch.op === "remove") {
    delete parent[last];
    return;
  }
  parent[last] = structuredClone(valueOf(patch, name, values));
}

function valueOf(patch: JsonPatch, name: string, values: Values): unknown {
  const variable = patch.valueFrom?.variable;
  if (variable === undefined) return patch.value;
  const [root = "", ...fields] = variable.split(".");
  const value = fields.reduce<unknown>(
    (at, field) => (isRecord(at) ? at[field] : undefined),
    values.get(root),
  );
  if (value === undefined) {
    throw new Error(
      `failed to calculate value of patch "${name}": variable "${variable}" has no value`,
    );
  }
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
