import { isDeepStrictEqual } from "node:util";
import { isList } from "#lab/kubernetes/schema/json.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import { difference, type Fields, fieldsOf, noFields, oneField, union } from "./fields.ts";
import { byElement, type Part, partsOf } from "./parts.ts";

/** The fields that somebody who says this value owns: what is in it, down to what is owned as a whole. */
export function saidFields(schema: StructuralSchema | null, value: unknown): Fields {
  const parts = partsOf(schema, value);
  // An empty map or list is a field's value: otherwise the same apply again would find nobody to own it.
  if (parts === null || parts.length === 0) return oneField;
  return fieldsOf(
    false,
    parts.map((part) => {
      const inside = saidFields(part.schema, part.value);
      return [part.element, part.isDeclared ? inside : union(inside, oneField)];
    }),
  );
}

/** All fields of a value, those that hold others as well. */
function allFields(schema: StructuralSchema | null, value: unknown): Fields {
  const parts = partsOf(schema, value) ?? [];
  return fieldsOf(
    true,
    parts.map((part) => [part.element, allFields(part.schema, part.value)]),
  );
}

export interface Comparison {
  /** Added, or of another value now. */
  readonly changed: Fields;
  readonly removed: Fields;
}

const same: Comparison = { changed: noFields, removed: noFields };

/** What a write makes of the fields of a value. The order of items that can be told apart is no field. */
export function compare(
  schema: StructuralSchema | null,
  before: unknown,
  after: unknown,
): Comparison {
  // Objects are never changed in place: what nobody touched is the very same.
  if (before === after) return same;
  const old = partsOf(schema, before);
  const next = partsOf(schema, after);
  if (old === null || next === null || isList(before) !== isList(after)) {
    if (isDeepStrictEqual(before, after)) return same;
    const [gone, here] = [allFields(schema, before), allFields(schema, after)];
    return { changed: union(gone, here), removed: difference(gone, here) };
  }
  return compareParts(byElement(old), byElement(next));
}

function compareParts(old: ReadonlyMap<string, Part>, next: ReadonlyMap<string, Part>): Comparison {
  const changed: [string, Fields][] = [];
  const removed: [string, Fields][] = [];
  for (const [element, part] of old) {
    const now = next.get(element);
    if (now === undefined) {
      removed.push([element, allFields(part.schema, part.value)]);
      continue;
    }
    const inside = compare(part.schema, part.value, now.value);
    changed.push([element, inside.changed]);
    removed.push([element, inside.removed]);
  }
  for (const [element, part] of next)
    if (!old.has(element)) changed.push([element, allFields(part.schema, part.value)]);
  return { changed: fieldsOf(false, changed), removed: fieldsOf(false, removed) };
}
