import { isDeepStrictEqual } from "node:util";
import { isList, isObject, own } from "./json.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/*
 * Since 1.33 the API server tolerates what was wrong before a write and is left as it was, so that a definition that
 * became stricter does not lock in the objects that it finds. For that a value must be known from one write to the next.
 */

/** Whether an update leaves a value as it was; a value of which no old one is known is new. */
export function isUnchanged(value: unknown, old: unknown): boolean {
  return old !== undefined && isDeepStrictEqual(value, old);
}

/** The field as it was; undefined where there was none. */
export function oldField(old: unknown, field: string): unknown {
  return isObject(old) ? own(old, field) : undefined;
}

/** Only the items of a list map can be told from one write to the next. */
export function oldItem(schema: StructuralSchema, item: unknown, old: unknown): unknown {
  if (schema["x-kubernetes-list-type"] !== "map" || !isList(old) || !isObject(item))
    return undefined;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  return old.find(
    (one) => isObject(one) && keys.every((key) => isDeepStrictEqual(own(one, key), own(item, key))),
  );
}
