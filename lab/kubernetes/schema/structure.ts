import { isDeepStrictEqual } from "node:util";
import canonicalize from "canonicalize";
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooMany,
  typeInvalid,
} from "./field-error.ts";
import { isList, isObject, type JsonObject, own } from "./json.ts";
import { additionalSchema, type StructuralSchema } from "./structural-schema.ts";
import { numberErrors, stringErrors, typeName } from "./value-rules.ts";

/**
 * What a value breaks of everything but CEL, depth first. `old` is the same part of the object before the write, undefined where there
 * was none: what was wrong already and is left as it was, is let through.
 */
export function structureErrors(
  schema: StructuralSchema,
  value: unknown,
  path: string,
  old?: unknown,
): readonly FieldError[] {
  if (old !== undefined && isDeepStrictEqual(value, old)) return [];
  if (value === null && schema.nullable === true) return [];
  const mistyped = typeErrors(schema, value, path);
  if (mistyped.length > 0) return mistyped;
  return [
    ...enumErrors(schema, value, path),
    ...(typeof value === "string" ? stringErrors(schema, value, path) : []),
    ...(typeof value === "number" ? numberErrors(schema, value, path) : []),
    ...(isList(value) ? listErrors(schema, value, path, old) : []),
    ...(isObject(value) ? objectErrors(schema, value, path, old) : []),
    ...junctorErrors(schema, value, path),
  ];
}

export function fieldPath(path: string, field: string): string {
  return path === "" ? field : `${path}.${field}`;
}

function typeErrors(schema: StructuralSchema, value: unknown, path: string): FieldError[] {
  const actual = typeName(value);
  const wanted =
    schema["x-kubernetes-int-or-string"] === true ? ["integer", "string"] : [schema.type];
  const [first] = wanted;
  if (first === undefined || wanted.some((one) => one === actual)) return [];
  if (first === "number" && actual === "integer") return [];
  const detail = `${path} in body must be of type ${wanted.join(",")}: "${actual}"`;
  return [typeInvalid(path, actual, detail)];
}

function enumErrors(schema: StructuralSchema, value: unknown, path: string): FieldError[] {
  if (schema.enum === undefined) return [];
  if (schema.enum.some((one) => isDeepStrictEqual(one, value))) return [];
  return [notSupported(path, value, schema.enum)];
}

function listErrors(
  schema: StructuralSchema,
  list: readonly unknown[],
  path: string,
  old: unknown,
): FieldError[] {
  const { items, minItems = 0, maxItems = Infinity } = schema;
  const errors: FieldError[] = [];
  if (list.length < minItems)
    errors.push(
      invalid(path, list.length, `${path} in body should have at least ${minItems} items`),
    );
  if (list.length > maxItems) errors.push(tooMany(path, list.length, maxItems));
  if (schema.uniqueItems === true && repeated(list).length > 0)
    errors.push(invalid(path, list, `${path} in body shouldn't contain duplicates`));
  for (const [index, item] of list.entries()) {
    if (items === undefined) continue;
    errors.push(...structureErrors(items, item, `${path}[${index}]`, oldItem(schema, item, old)));
  }
  return [...errors, ...listTypeErrors(schema, list, path)];
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

/** Sets and maps may not say the same thing twice; the items of a map need their keys. */
function listTypeErrors(
  schema: StructuralSchema,
  list: readonly unknown[],
  path: string,
): FieldError[] {
  const type = schema["x-kubernetes-list-type"] ?? "atomic";
  if (type === "atomic") return [];
  if (type === "set")
    return repeated(list).map((index) => duplicate(`${path}[${index}]`, list[index]));
  const keys = list.map((item) => listKey(schema, item));
  return repeated(keys).map((index) => duplicate(`${path}[${index}]`, keys[index]));
}

/** The part of an item by which a list map knows it. Keys that it lacks count as their default. */
function listKey(schema: StructuralSchema, item: unknown): unknown {
  if (!isObject(item)) return item;
  const names = schema["x-kubernetes-list-map-keys"] ?? [];
  const entries = names.map((name): [string, unknown] => [
    name,
    own(item, name) ?? own(schema.items?.properties, name)?.default,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The indexes of values that came before, whatever the order of their fields. */
function repeated(list: readonly unknown[]): number[] {
  const seen = new Set<string | undefined>();
  return [...list.keys()].filter((index) => {
    const text = canonicalize(list[index]);
    const isRepeated = seen.has(text);
    seen.add(text);
    return isRepeated;
  });
}

function objectErrors(
  schema: StructuralSchema,
  object: JsonObject,
  path: string,
  old: unknown,
): FieldError[] {
  const before = isObject(old) ? old : undefined;
  const { minProperties = 0, maxProperties = Infinity } = schema;
  const count = Object.keys(object).length;
  const errors: FieldError[] = [];
  if (count < minProperties) {
    const detail = `${path} in body should have at least ${minProperties} properties`;
    errors.push(invalid(path, count, detail));
  }
  if (count > maxProperties) errors.push(tooMany(path, count, maxProperties));
  for (const field of schema.required ?? [])
    if (!Object.hasOwn(object, field)) errors.push(required(fieldPath(path, field)));
  for (const [field, value] of Object.entries(object)) {
    const place = fieldPath(path, field);
    const known = own(schema.properties, field) ?? additionalSchema(schema);
    if (known !== undefined)
      errors.push(...structureErrors(known, value, place, own(before, field)));
    else if (schema.additionalProperties === false)
      errors.push(forbidden(place, `${place} in body is a forbidden property`));
  }
  return errors;
}

function junctorErrors(schema: StructuralSchema, value: unknown, path: string): FieldError[] {
  const holds = (one: StructuralSchema): boolean => structureErrors(one, value, path).length === 0;
  const refuse = (detail: string): FieldError =>
    invalid(path, typeof value === "object" ? typeName(value) : value, `${path} in body ${detail}`);
  const errors = (schema.allOf ?? []).flatMap((one) => structureErrors(one, value, path));
  if (errors.length > 0) errors.push(refuse("must validate all the schemas (allOf)"));
  if (schema.anyOf !== undefined && !schema.anyOf.some(holds))
    errors.push(refuse("must validate at least one schema (anyOf)"));
  const matching = schema.oneOf?.filter(holds).length ?? 1;
  if (matching !== 1) {
    const found = matching === 0 ? "Found none valid" : `Found ${matching} valid alternatives`;
    errors.push(refuse(`must validate one and only one schema (oneOf). ${found}`));
  }
  if (schema.not !== undefined && holds(schema.not))
    errors.push(refuse("must not validate the schema (not)"));
  return errors;
}
