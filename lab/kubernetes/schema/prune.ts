import { isList, isObject, type JsonObject, own } from "./json.ts";
import {
  additionalSchema,
  isResourceField,
  keepsUnknown,
  type StructuralSchema,
} from "./structural-schema.ts";

/**
 * Drops what the schema does not name, at any depth. `unknown` are the paths of what was dropped, in the words of the API server's
 * strict errors (`unknown field "spec.foo[0].bar"`), sorted. `apiVersion`, `kind` and `metadata` of the object and of
 * objects in it (`x-kubernetes-embedded-resource`) stay. Pruning the result again changes nothing.
 */
export function prune(
  schema: StructuralSchema,
  object: JsonObject,
): { readonly object: JsonObject; readonly unknown: readonly string[] } {
  const unknown: string[] = [];
  const pruned = pruneFields({ ...schema, "x-kubernetes-embedded-resource": true }, object, {
    path: "",
    unknown,
  });
  return { object: pruned, unknown: unknown.toSorted() };
}

interface Place {
  readonly path: string;
  readonly unknown: string[];
}

function pruneValue(schema: StructuralSchema | undefined, value: unknown, place: Place): unknown {
  if (isList(value)) {
    const items = schema?.items;
    if (items === undefined && schema !== undefined && keepsUnknown(schema)) return value;
    return value.map((item, index) =>
      pruneValue(items, item, { ...place, path: `${place.path}[${index}]` }),
    );
  }
  return isObject(value) ? pruneFields(schema ?? {}, value, place) : value;
}

function pruneFields(schema: StructuralSchema, object: JsonObject, place: Place): JsonObject {
  const kept: [string, unknown][] = [];
  for (const [field, value] of Object.entries(object)) {
    const path = place.path === "" ? field : `${place.path}.${field}`;
    const known = own(schema.properties, field) ?? additionalSchema(schema);
    if (isResourceField(schema, field)) kept.push([field, value]);
    else if (known !== undefined) kept.push([field, pruneValue(known, value, { ...place, path })]);
    else if (keepsUnknown(schema)) kept.push([field, value]);
    else place.unknown.push(path);
  }
  return Object.fromEntries(kept);
}
