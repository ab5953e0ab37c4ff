import { comparesWithOld, ruleProblem } from "./cel.ts";
import { type FieldError, forbidden, invalid, required } from "./field-error.ts";
import { isList, isObject, own } from "./json.ts";
import { isUnchanged, oldField, oldItem } from "./ratchet.ts";
import {
  additionalSchema,
  type StructuralSchema,
  type ValidationRule,
} from "./structural-schema.ts";
import { fieldPath } from "./structure.ts";
import { typeName } from "./value-rules.ts";

/**
 * What a value breaks of the rules (`x-kubernetes-validations`) at it and below. `old` is the same part of the object before
 * the write; undefined where there was none, which leaves transition rules out. All other rules tolerate what is as it was.
 */
export function ruleErrors(
  schema: StructuralSchema,
  value: unknown,
  old: unknown,
  path: string,
): FieldError[] {
  if (value === null || !hasRules(schema)) return [];
  const rules = schema["x-kubernetes-validations"] ?? [];
  const errors = rules.flatMap((rule) => {
    if (comparesWithOld(rule) ? old === undefined : isUnchanged(value, old)) return [];
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
  return Object.entries(value).flatMap(([field, one]) => {
    const known = own(schema.properties, field) ?? additionalSchema(schema);
    if (known === undefined) return [];
    return ruleErrors(known, one, oldField(old, field), fieldPath(path, field));
  });
}

function toError(rule: ValidationRule, value: unknown, path: string, problem: string): FieldError {
  const field = `${path}${rule.fieldPath ?? ""}`.replace(/^\./, "");
  const reason = rule.reason ?? "FieldValueInvalid";
  switch (reason) {
    case "FieldValueRequired":
      return required(field, problem);
    case "FieldValueForbidden":
      return forbidden(field, problem);
    case "FieldValueDuplicate":
      return { field, reason, message: `Duplicate value: "${typeName(value)}"` };
    case "FieldValueInvalid":
      return invalid(field, typeName(value), problem);
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
