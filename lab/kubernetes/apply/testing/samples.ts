import fc from "fast-check";
import { isList, isObject } from "#lab/kubernetes/schema/json.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";

const text: StructuralSchema = { type: "string" };

/** A schema with one field of each kind that matters to who owns what. */
export const foo: StructuralSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        a: text,
        b: { type: "integer" },
        inner: { type: "object", properties: { x: text, y: text } },
        map: { type: "object", additionalProperties: text },
        one: {
          type: "object",
          "x-kubernetes-map-type": "atomic",
          properties: { x: text, y: text },
        },
        set: { type: "array", items: text, "x-kubernetes-list-type": "set" },
        list: { type: "array", items: text },
        items: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: {
            type: "object",
            required: ["name"],
            properties: { name: text, v: text, w: { type: "object", properties: { z: text } } },
          },
        },
        whole: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          properties: { data: text },
        },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    status: { type: "object", properties: { state: text } },
  },
};

const word = fc.constantFrom("p", "q", "r");
/** Objects are as JSON.parse makes them. */
const plain = { noNullPrototype: true };
const optional = { ...plain, requiredKeys: [] };

/** The `spec` of an object of `foo`. */
export const specs = fc.record(
  {
    a: word,
    b: fc.integer({ min: 0, max: 2 }),
    inner: fc.record({ x: word, y: word }, optional),
    map: fc.dictionary(word, word, plain),
    one: fc.record({ x: word, y: word }, optional),
    set: fc.uniqueArray(word),
    list: fc.array(word, { maxLength: 2 }),
    items: fc.uniqueArray(
      fc.record(
        { name: word, v: word, w: fc.record({ z: word }, optional) },
        { ...plain, requiredKeys: ["name"] },
      ),
      { selector: ({ name }) => name },
    ),
    free: fc.record({ n: fc.record({ m: word }, optional), l: fc.array(word) }, optional),
  },
  optional,
);

/** What stands at a path of FieldsV1's elements; undefined: nothing. For tests, so apart from the code under test. */
export function at(value: unknown, path: readonly string[]): unknown {
  const [element, ...rest] = path;
  if (element === undefined) return value;
  const said = element.slice(2);
  if (element.startsWith("f:")) return isObject(value) ? at(value[said], rest) : undefined;
  if (!isList(value)) return undefined;
  const wanted: unknown = JSON.parse(said);
  const found = value.find((item) =>
    isObject(item) && isObject(wanted)
      ? Object.entries(wanted).every(([key, one]) => item[key] === one)
      : item === wanted,
  );
  return at(found, rest);
}

/** The paths of all fields in a FieldsV1, as lists of elements. */
export function pathsIn(json: object, path: readonly string[] = []): readonly string[][] {
  const entries = Object.entries(json);
  if (entries.length === 0) return [[...path]];
  return entries.flatMap(([element, below]) => {
    if (element === ".") return [[...path]];
    return isObject(below) ? pathsIn(below, [...path, element]) : [];
  });
}

const holders = new Set("metadata spec inner map set items w free n".split(" "));

/** Whether what stands at this path of an object of `foo` holds fields that have owners of their own. */
export function isHolder(path: readonly string[]): boolean {
  const last = path.at(-1) ?? "";
  return last.startsWith("k:") || holders.has(last.slice("f:".length));
}
