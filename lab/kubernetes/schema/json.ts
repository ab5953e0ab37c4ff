/** A JSON object as it was parsed; nothing is known of its fields. */
export type JsonObject = { readonly [field: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As `Array.isArray`, which would make `any` of the items. */
export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Own fields only: an object of a client may have a field called `constructor`. */
export function own<Value>(
  map: { readonly [field: string]: Value } | undefined,
  field: string,
): Value | undefined {
  return map !== undefined && Object.hasOwn(map, field) ? map[field] : undefined;
}
