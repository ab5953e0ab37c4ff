import { isList, isObject, type JsonObject } from "#lab/kubernetes/schema/json.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import { elementText } from "./fields.ts";
import { declaredSchema, itemElement, keyValue, listKeys } from "./parts.ts";

/**
 * Why an applied object cannot be merged by its schema, in the words of structured-merge-diff: fields that the schema does not
 * know, lists for maps, texts for numbers, items without their keys or with the same ones.
 */
export function typingProblems(
  schema: StructuralSchema | null,
  value: unknown,
  path = "",
): readonly string[] {
  if (schema === null || value === null) return [];
  const { type } = schema;
  if (isObject(value)) {
    if (type !== undefined && type !== "object")
      return [`${path}: expected ${nameOf(type)}, got map`];
    return fieldProblems(schema, value, path);
  }
  if (isList(value)) {
    if (type !== undefined && type !== "array")
      return [`${path}: expected ${nameOf(type)}, got list`];
    return itemProblems(schema, value, path);
  }
  if (type === "object" || type === "array")
    return [`${path}: expected ${nameOf(type)}, got ${typeof value}`];
  if (schema["x-kubernetes-int-or-string"] === true || type === undefined) return [];
  const wanted = type === "integer" ? "number" : type;
  if (typeof value === wanted) return [];
  return [`${path}: expected ${nameOf(type)}, got ${typeof value}`];
}

function fieldProblems(schema: StructuralSchema, object: JsonObject, path: string): string[] {
  return Object.entries(object).flatMap(([field, value]) => {
    const place = `${path}.${field}`;
    const known = declaredSchema(schema, field);
    if (known === undefined) return [`${place}: field not declared in schema`];
    return typingProblems(known, value, place);
  });
}

function itemProblems(schema: StructuralSchema, list: readonly unknown[], path: string): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const missing = listKeys(schema).find(
      (key) => isObject(item) && keyValue(schema, item, key) === undefined,
    );
    if (missing !== undefined)
      problems.push(
        `${path}: element ${index}: associative list with keys has an element that omits key field ${JSON.stringify(missing)} (and doesn't have default value)`,
      );
    const element = itemElement(schema, item);
    if (element !== null && seen.has(element))
      problems.push(`${path}: duplicate entries for key ${elementText(element)}`);
    if (element !== null) seen.add(element);
    const place = `${path}${element === null ? `[${index}]` : elementText(element)}`;
    problems.push(...typingProblems(schema.items ?? null, item, place));
  }
  return problems;
}

function nameOf(type: NonNullable<StructuralSchema["type"]>): string {
  if (type === "object") return "map";
  if (type === "array") return "list";
  return type === "integer" || type === "number" ? "numeric (int or float)" : type;
}
