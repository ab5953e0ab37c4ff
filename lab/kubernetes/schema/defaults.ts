import { isList, isObject, type JsonObject, own } from "./json.ts";
import { additionalSchema, type StructuralSchema } from "./structural-schema.ts";

/**
 * Fills in the schema's defaults as the API server does when it reads a request or its store: only inside objects that are there,
 * so a default below an absent object does nothing. Null where the schema does not allow null counts as absent: it becomes
 * the default, or goes. Applying it to its own result changes nothing. The defaults are not copied: treat the result as
 * read-only.
 */
export function applyDefaults(schema: StructuralSchema, object: JsonObject): JsonObject {
  const present = Object.entries(object).flatMap(([field, value]): [string, unknown][] => {
    const known = own(schema.properties, field) ?? additionalSchema(schema);
    if (known === undefined) return [[field, value]];
    const filled = fillValue(known, value);
    return filled === undefined ? [] : [[field, filled]];
  });
  const absent = Object.entries(schema.properties ?? {}).flatMap(
    ([field, known]): [string, unknown][] =>
      known.default === undefined || Object.hasOwn(object, field)
        ? []
        : [[field, fillValue(known, known.default)]],
  );
  return Object.fromEntries([...present, ...absent]);
}

/** Undefined: the value is a null that has no right to be there. */
function fillValue(schema: StructuralSchema, value: unknown): unknown {
  if (value === null && schema.nullable !== true) {
    if (schema.default === undefined || schema.default === null) return undefined;
    return fillValue(schema, schema.default);
  }
  const { items } = schema;
  // A null in a list stays: taking it out would move the others. Validation refuses it.
  if (isList(value) && items !== undefined)
    return value.map((item) => fillValue(items, item) ?? null);
  return isObject(value) ? applyDefaults(schema, value) : value;
}
