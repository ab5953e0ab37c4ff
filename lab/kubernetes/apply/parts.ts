import { isList, isObject, type JsonObject, own } from "#lab/kubernetes/schema/json.ts";
import {
  additionalSchema,
  isResourceField,
  keepsUnknown,
  type StructuralSchema,
} from "#lab/kubernetes/schema/structural-schema.ts";

/** One thing inside a value that can have an owner of its own. */
export interface Part {
  /** Its path element of FieldsV1. */
  readonly element: string;
  /** Null: nothing is known of it. Then objects are granular and lists atomic. */
  readonly schema: StructuralSchema | null;
  readonly value: unknown;
  /** Whether the schema names the field. Fields that only the data names can be owned as such, whatever is in them. */
  readonly isDeclared: boolean;
}

/** What can be owned inside a value; null when it is owned as a whole: scalars, atomic lists and maps. */
export function partsOf(schema: StructuralSchema | null, value: unknown): readonly Part[] | null {
  if (isObject(value)) {
    if (schema?.["x-kubernetes-map-type"] === "atomic") return null;
    return Object.entries(value).map(([field, one]) => ({
      element: `f:${field}`,
      ...fieldSchema(schema, field),
      value: one,
    }));
  }
  if (!isList(value)) return null;
  const items = schema?.items ?? null;
  const elements = value.map((item) => itemElement(schema, item));
  const known = elements.filter((element) => element !== null);
  if (known.length < elements.length) return null;
  return known.map((element, index) => ({
    element,
    schema: items,
    value: value[index],
    isDeclared: false,
  }));
}

/** Undefined `schema` of the answer: the schema does not allow such a field. */
export function declaredSchema(
  schema: StructuralSchema | null,
  field: string,
): StructuralSchema | null | undefined {
  if (schema === null) return null;
  const known = own(schema.properties, field) ?? additionalSchema(schema);
  if (known !== undefined) return known;
  // An object of which no field is named is free, as for the API server.
  const isFree = keepsUnknown(schema) || schema.properties === undefined;
  return isFree || isResourceField(schema, field) ? null : undefined;
}

function fieldSchema(
  schema: StructuralSchema | null,
  field: string,
): Pick<Part, "schema" | "isDeclared"> {
  return {
    schema: declaredSchema(schema, field) ?? null,
    isDeclared: own(schema?.properties, field) !== undefined,
  };
}

/** The keys by which items of a list are known; none for sets and atomic lists. */
export function listKeys(schema: StructuralSchema | null): readonly string[] {
  if (schema?.["x-kubernetes-list-type"] !== "map") return [];
  return schema["x-kubernetes-list-map-keys"] ?? [];
}

/** Null: the item cannot be told from others, so the list is owned as a whole. */
export function itemElement(schema: StructuralSchema | null, item: unknown): string | null {
  if (schema?.["x-kubernetes-list-type"] === "set") return `v:${JSON.stringify(item)}`;
  const keys = listKeys(schema);
  if (keys.length === 0 || !isObject(item)) return null;
  const entries = keys
    .toSorted()
    .map((key): [string, unknown] => [key, keyValue(schema, item, key)]);
  if (entries.some(([, value]) => value === undefined)) return null;
  return `k:${JSON.stringify(Object.fromEntries(entries))}`;
}

/** A key that is not given has its default. */
export function keyValue(schema: StructuralSchema | null, item: JsonObject, key: string): unknown {
  return own(item, key) ?? own(schema?.items?.properties, key)?.default;
}

/** Of several items with the same keys the first counts. */
export function byElement(parts: readonly Part[]): ReadonlyMap<string, Part> {
  return new Map(parts.toReversed().map((part) => [part.element, part]));
}
