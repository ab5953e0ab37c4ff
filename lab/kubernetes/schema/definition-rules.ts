import { z } from "zod";
import { definitionName } from "#lab/kubernetes/kinds/definition.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { readCrd } from "./crd.ts";
import { type FieldError, invalid, required } from "./field-error.ts";
import { isList, isObject } from "./json.ts";

/** What is wrong with a CustomResourceDefinition: the server serves what it says, and reads it again at each start. */
export function definitionErrors(definition: KubeObject): readonly FieldError[] {
  const spec = isObject(definition["spec"]) ? definition["spec"] : {};
  const names = isObject(spec["names"]) ? spec["names"] : {};
  const [group, plural] = [spec["group"], names["plural"]];
  const { name } = definition.metadata;
  const errors: FieldError[] = [];
  if (typeof group === "string" && typeof plural === "string") {
    const isNamed = name === definitionName({ group, plural });
    if (!isNamed)
      errors.push(invalid("metadata.name", name, `must be spec.names.plural+"."+spec.group`));
  }
  const versions = isList(spec["versions"]) ? spec["versions"].filter(isObject) : [];
  if (versions.filter(({ storage }) => storage === true).length !== 1) {
    const detail = "must have exactly one version marked as storage version";
    errors.push(invalid("spec.versions", spec["versions"], detail));
  }
  return [...errors, ...shapeErrors(definition)];
}

/** What keeps the definition from being read at all. */
function shapeErrors(definition: KubeObject): readonly FieldError[] {
  try {
    readCrd(definition);
    return [];
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return error.issues.map(({ path, message }) => {
      const field = z.core.toDotPath(path);
      const value = valueAt(definition, path);
      return value === undefined ? required(field) : invalid(field, value, message);
    });
  }
}

function valueAt(object: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null
        ? (value as Readonly<Record<PropertyKey, unknown>>)[step]
        : undefined,
    object,
  );
}
