import { describe, expect, it } from "vitest";
import type { JsonObject } from "./json.ts";
import type { StructuralSchema } from "./structural-schema.ts";
import { validate } from "./validate.ts";

/** An object whose spec has one field, `x`, and what is wrong with it. */
function check(x: StructuralSchema, value: unknown, old?: unknown): unknown[][] {
  const schema: StructuralSchema = {
    type: "object",
    properties: { spec: { type: "object", properties: { x } } },
  };
  const before = old === undefined ? undefined : objectWith({ x: old });
  return validate(schema, objectWith({ x: value }), before).map((error) => [
    error.field,
    error.reason,
    error.message,
  ]);
}

function objectWith(spec: JsonObject, metadata: unknown = { name: "one" }): JsonObject {
  return { apiVersion: "example.com/v1", kind: "Foo", metadata, spec };
}

const text = { type: "string" } as const;
const whole = { type: "integer" } as const;

describe("a value", () => {
  const wrong: [string, StructuralSchema, unknown, string, string, string][] = [
    [
      "type",
      whole,
      "1",
      "x",
      "TypeInvalid",
      `Invalid value: "string": spec.x in body must be of type integer: "string"`,
    ],
    ["whole number", whole, 1.5, "x", "TypeInvalid", `must be of type integer: "number"`],
    ["null", text, null, "x", "TypeInvalid", `must be of type string: "null"`],
    [
      "enum",
      { ...text, enum: ["a", "b"] },
      "c",
      "x",
      "NotSupported",
      `Unsupported value: "c": supported values: "a", "b"`,
    ],
    [
      "pattern",
      { ...text, pattern: "^a+$" },
      "b",
      "x",
      "Invalid",
      `Invalid value: "b": spec.x in body should match '^a+$'`,
    ],
    [
      "pattern without case",
      { ...text, pattern: "(?i)^dell$" },
      "hpe",
      "x",
      "Invalid",
      "should match",
    ],
    ["minLength", { ...text, minLength: 1 }, "", "x", "Invalid", "should be at least 1 chars long"],
    [
      "maxLength",
      { ...text, maxLength: 1 },
      "ab",
      "x",
      "TooLong",
      "Too long: may not be more than 1 bytes",
    ],
    [
      "minimum",
      { ...whole, minimum: 1 },
      0,
      "x",
      "Invalid",
      "Invalid value: 0: spec.x in body should be greater than or equal to 1",
    ],
    ["maximum", { ...whole, maximum: 1 }, 2, "x", "Invalid", "should be less than or equal to 1"],
    [
      "exclusive minimum",
      { ...whole, minimum: 1, exclusiveMinimum: true },
      1,
      "x",
      "Invalid",
      "greater than 1",
    ],
    [
      "exclusive maximum",
      { ...whole, maximum: 1, exclusiveMaximum: true },
      1,
      "x",
      "Invalid",
      "less than 1",
    ],
    ["multipleOf", { ...whole, multipleOf: 2 }, 3, "x", "Invalid", "should be a multiple of 2"],
    ["int32", { ...whole, format: "int32" }, 2 ** 31, "x", "TypeInvalid", "int32"],
    [
      "date-time",
      { ...text, format: "date-time" },
      "2026-13-01T00:00:00Z",
      "x",
      "TypeInvalid",
      "must be of type date-time",
    ],
    ["ipv4", { ...text, format: "ipv4" }, "::1", "x", "TypeInvalid", "must be of type ipv4"],
    [
      "int or string",
      { "x-kubernetes-int-or-string": true },
      true,
      "x",
      "TypeInvalid",
      "must be of type integer,string",
    ],
    [
      "minItems",
      { type: "array", items: text, minItems: 1 },
      [],
      "x",
      "Invalid",
      "should have at least 1 items",
    ],
    [
      "maxItems",
      { type: "array", items: text, maxItems: 1 },
      ["a", "b"],
      "x",
      "TooMany",
      "Too many: 2: must have at most 1 items",
    ],
    [
      "an item",
      { type: "array", items: text },
      ["a", 1],
      "x[1]",
      "TypeInvalid",
      "spec.x[1] in body",
    ],
    [
      "a set",
      { type: "array", items: text, "x-kubernetes-list-type": "set" },
      ["a", "a"],
      "x[1]",
      "Duplicate",
      `Duplicate value: "a"`,
    ],
    ["required", { type: "object", required: ["y"] }, {}, "x.y", "Required", "Required value"],
    [
      "minProperties",
      { type: "object", minProperties: 1 },
      {},
      "x",
      "Invalid",
      "should have at least 1 properties",
    ],
    [
      "a key of a map",
      { type: "object", additionalProperties: whole },
      { k: "" },
      "x.k",
      "TypeInvalid",
      "spec.x.k in body",
    ],
    [
      "allOf",
      { ...text, allOf: [{ minLength: 2 }] },
      "a",
      "x",
      "Invalid",
      "should be at least 2 chars long",
    ],
    [
      "anyOf",
      { ...text, anyOf: [{ minLength: 2 }, { enum: ["b"] }] },
      "a",
      "x",
      "Invalid",
      "must validate at least one schema (anyOf)",
    ],
    [
      "oneOf",
      { ...text, oneOf: [{ maxLength: 2 }, { maxLength: 1 }] },
      "a",
      "x",
      "Invalid",
      "(oneOf). Found 2 valid alternatives",
    ],
    [
      "not",
      { ...text, not: { enum: ["a"] } },
      "a",
      "x",
      "Invalid",
      "must not validate the schema (not)",
    ],
    [
      "an embedded object",
      { type: "object", "x-kubernetes-embedded-resource": true },
      { kind: "A" },
      "x.apiVersion",
      "Required",
      "must not be empty",
    ],
  ];
  it.each(wrong)("is refused for %s", (_, schema, value, field, reason, message) => {
    const [first] = check(schema, value);
    expect(first?.slice(0, 2)).toEqual([`spec.${field}`, `FieldValue${reason}`]);
    expect(first?.[2]).toContain(message);
  });

  const right: [string, StructuralSchema, unknown][] = [
    ["a number where a whole one fits too", { type: "number" }, 1],
    ["null where it may be", { ...text, nullable: true, minLength: 1 }, null],
    ["an integer or a string", { "x-kubernetes-int-or-string": true, anyOf: [whole, text] }, "20%"],
    ["characters, not bytes", { ...text, maxLength: 1 }, "🐎"],
    ["a moment", { ...text, format: "date-time" }, "2026-02-03T04:05:06.789+01:00"],
    ["a format that nobody knows", { ...text, format: "odd" }, "any"],
    ["a network", { ...text, format: "cidr" }, "10.0.0.0/8"],
  ];
  it.each(right)("may be %s", (_, schema, value) => {
    expect(check(schema, value)).toEqual([]);
  });

  it("in a list map is known by its keys, of which one may be its default", () => {
    const ports: StructuralSchema = {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["port", "protocol"],
      items: {
        type: "object",
        required: ["port"],
        properties: { port: whole, protocol: { ...text, default: "TCP" }, name: text },
      },
    };
    const tcp = { port: 1, name: "a" };
    expect(check(ports, [tcp, { port: 1, protocol: "UDP" }])).toEqual([]);
    expect(check(ports, [tcp, { port: 1, protocol: "TCP", name: "b" }])).toEqual([
      ["spec.x[1]", "FieldValueDuplicate", `Duplicate value: {"port":1,"protocol":"TCP"}`],
    ]);
    expect(check(ports, [{ name: "a" }]).map(([field]) => field)).toEqual(["spec.x[0].port"]);
  });
});

describe("metadata", () => {
  const wrong: [string, unknown, string][] = [
    ["no name", {}, "metadata.name"],
    ["a name with a blank", { name: "a b" }, "metadata.name"],
    ["a namespace with a dot", { name: "a", namespace: "a.b" }, "metadata.namespace"],
    ["a label with an odd key", { name: "a", labels: { "-a": "" } }, "metadata.labels"],
    ["a label that is a number", { name: "a", labels: { a: 1 } }, "metadata.labels.a"],
    ["a label that is too long", { name: "a", labels: { a: "a".repeat(64) } }, "metadata.labels"],
    [
      "an annotation with two slashes",
      { name: "a", annotations: { "a/b/c": "" } },
      "metadata.annotations",
    ],
    [
      "too many annotations",
      { name: "a", annotations: { a: "a".repeat(262144) } },
      "metadata.annotations",
    ],
  ];
  it.each(wrong)("is refused for %s", (_, metadata, field) => {
    expect(validate({ type: "object" }, objectWith({}, metadata)).map((e) => e.field)).toEqual([
      field,
    ]);
  });

  it("may say anything in an annotation, and a prefix before a label's name", () => {
    const metadata = {
      name: "host-1.example",
      labels: { "cluster.x-k8s.io/name": "", b: "B_1" },
      annotations: { "Example.com/json": `{"any": "thing"}` },
    };
    expect(validate({ type: "object" }, objectWith({}, metadata))).toEqual([]);
  });
});

describe("rules in CEL", () => {
  const bounds: StructuralSchema = {
    type: "object",
    properties: { min: whole, max: whole, namespace: text },
    "x-kubernetes-validations": [
      { rule: "self.min <= self.max", message: "min is above max", fieldPath: ".min" },
      { rule: "!has(self.namespace) || self.__namespace__ != 'no'", reason: "FieldValueForbidden" },
      { rule: "self.max < 10", messageExpression: "'max is ' + string(self.max)" },
    ],
  };

  it("speak of the object, in their own words", () => {
    expect(check(bounds, { min: 1, max: 2 })).toEqual([]);
    expect(check(bounds, { min: 3, max: 2 })).toEqual([
      ["spec.x.min", "FieldValueInvalid", "Invalid value: min is above max"],
    ]);
    expect(check(bounds, { min: 3, max: 12, namespace: "no" })).toEqual([
      [
        "spec.x",
        "FieldValueForbidden",
        "Forbidden: failed rule: !has(self.namespace) || self.__namespace__ != 'no'",
      ],
      ["spec.x", "FieldValueInvalid", "Invalid value: max is 12"],
    ]);
  });

  it("that cannot be evaluated refuse the object", () => {
    const [error] = check(bounds, { max: 2 });
    expect(error?.[2]).toContain("rule evaluation error");
  });

  it("are not asked about an object that is unsound", () => {
    expect(check(bounds, { min: "3", max: 2 }).map(([field]) => field)).toEqual([
      "spec.x.min",
      "<nil>",
    ]);
  });

  it("that compare with the old value are asked when there is one", () => {
    const fixed: StructuralSchema = {
      ...text,
      "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "is immutable" }],
    };
    expect(check(fixed, "a")).toEqual([]);
    expect(check(fixed, "a", "a")).toEqual([]);
    expect(check(fixed, "b", "a")).toHaveLength(1);
    const items: StructuralSchema = {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k"],
      items: { type: "object", properties: { k: text, v: fixed } },
    };
    const [a, b] = [
      { k: "a", v: "1" },
      { k: "b", v: "2" },
    ];
    expect(check(items, [b, a], [a, b])).toEqual([]);
    expect(check(items, [b, { k: "a", v: "2" }], [a]).map(([field]) => field)).toEqual([
      "spec.x[1].v",
    ]);
  });
});

describe("what was wrong before the write", () => {
  const size: StructuralSchema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          size: { type: "integer", minimum: 3, "x-kubernetes-validations": [{ rule: "self < 9" }] },
          name: { type: "string" },
          pools: {
            type: "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            items: {
              type: "object",
              required: ["name"],
              properties: { name: { type: "string" }, count: { type: "integer", minimum: 3 } },
            },
          },
        },
      },
    },
  };
  const object = (spec: object): JsonObject => ({ metadata: { name: "a" }, spec });
  const fields = (before: object, after: object): readonly string[] =>
    validate(size, object(after), object(before)).map(({ field }) => field);

  it("is let through while it stays as it is, and refused when it changes", () => {
    expect(fields({ size: 1 }, { size: 1, name: "x" })).toEqual([]);
    expect(fields({ size: 1 }, { size: 2 })).toEqual(["spec.size"]);
    expect(fields({ size: 11 }, { size: 11, name: "x" })).toEqual([]);
    expect(fields({ size: 11 }, { size: 12 })).toEqual(["spec.size"]);
  });

  it("is known again in a list by the keys of its item", () => {
    const before = { pools: [{ name: "a", count: 1 }] };
    const after = [
      { name: "b", count: 5 },
      { name: "a", count: 1 },
    ];
    expect(fields(before, { pools: after })).toEqual([]);
    expect(fields(before, { pools: [{ name: "b", count: 1 }] })).toEqual(["spec.pools[0].count"]);
  });
});
