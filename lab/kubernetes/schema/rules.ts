import { isDeepStrictEqual } from "node:util";
import { comparesWithOld, ruleProblem } from "./cel.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "./field-error.ts";
import { isList, isObject, own } from "./json.ts";
import {
  additionalSchema,
  type StructuralSchema,
  type ValidationRule,
} from "./structural-schema.ts";
import { fieldPath, oldItem } from "./structure.ts";

/**
 * What a value breaks of the rules (`x-kubernetes-validations`) at it and below. `old` is the same part of the object before
 * the write; undefined where there was none, which leaves transition rules out.
 */
export function ruleErrors(
  schema: StructuralSchema,
  value: unknown,
  old: unknown,
  path: string,
): FieldError[] {
  if (value === null || !hasRules(schema)) return [];
  const rules = schema["x-kubernetes-validations"] ?? [];
  // What breaks a rule already and is left as it was, is let through; a rule about the change is asked all the same.
  const isSame = old !== undefined && isDeepStrictEqual(value, old);
  const errors = rules.flatMap((rule) => {
    if (comparesWithOld(rule) ? old === undefined : isSame) return [];
    const problem = ruleProblem(rule, schema, value, old);
    return problem === null ? [] : [toError(rule, value, path, problem)];
  });
  return [...errors, ...inside(schema, value, old, path)];
}

function inside(
  schema: StructuralSchema,
  value: unknown,
  old: unknown,
  path: string,
): FieldError[] {
  if (isList(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    return value.flatMap((item, index) =>
      ruleErrors(items, item, oldItem(schema, item, old), `${path}[${index}]`),
    );
  }
  if (!isObject(value)) return [];
  const before = isObject(old) ? old : undefined;
  return Object.entries(value).flatMap(([field, one]) => {
    const known = own(schema.properties, field) ?? additionalSchema(schema);
    if (known === undefined) return [];
    return ruleErrors(known, one, own(before, field), fieldPath(path, field));
  });
}

function toError(rule: ValidationRule, value: unknown, path: string, problem: string): FieldError {
  const field = `${path}${rule.fieldPath ?? ""}`.replace(/^\./, "");
  const reason = rule.reason ?? "FieldValueInvalid";
  // Objects and lists are not shown.
  const isSimple = !isObject(value) && !isList(value);
  switch (reason) {
    case "FieldValueRequired":
      return required(field, problem);
    case "FieldValueForbidden":
      return forbidden(field, problem);
    case "FieldValueDuplicate":
      return isSimple ? duplicate(field, value) : { field, reason, message: "Duplicate value" };
    case "FieldValueInvalid":
      return isSimple
        ? invalid(field, value, problem)
        : { field, reason, message: `Invalid value: ${problem}` };
  }
}

const known = new WeakMap<StructuralSchema, boolean>();

/** Most of a schema has no rules; what has none is not walked. */
export function hasRules(schema: StructuralSchema): boolean {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const additional = additionalSchema(schema);
  const children = [
    ...Object.values(schema.properties ?? {}),
    ...(schema.items === undefined ? [] : [schema.items]),
    ...(additional === undefined ? [] : [additional]),
  ];
  const found = (schema["x-kubernetes-validations"] ?? []).length > 0 || children.some(hasRules);
  known.set(schema, found);
  return found;
}
