import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDefaults } from "./defaults.ts";
import { prune } from "./prune.ts";
import type { StructuralSchema } from "./structural-schema.ts";
import { objects, schemas } from "./testing/arbitraries.ts";

const schema: StructuralSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        foo: {
          type: "array",
          items: { type: "object", properties: { name: { type: "string" } } },
        },
        free: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          properties: { known: { type: "object", properties: { a: { type: "string" } } } },
        },
        map: {
          type: "object",
          additionalProperties: { type: "object", properties: { a: { type: "string" } } },
        },
        whole: { type: "object", "x-kubernetes-embedded-resource": true },
      },
    },
  },
};
const meta = { apiVersion: "example.com/v1", kind: "Foo", metadata: { name: "a", odd: 1 } };

describe("pruning", () => {
  it("drops what the schema does not name, says where, and keeps what every object has", () => {
    const spec = { foo: [{ name: "a", bar: 1 }], other: {}, map: { k: { a: "", b: 1 } } };
    expect(prune(schema, { ...meta, spec, extra: 1 })).toEqual({
      object: { ...meta, spec: { foo: [{ name: "a" }], map: { k: { a: "" } } } },
      unknown: ["extra", "spec.foo[0].bar", "spec.map.k.b", "spec.other"],
    });
  });

  it("keeps unknown fields where the schema says so, but not below the fields it names there", () => {
    const spec = { free: { any: { b: 1 }, known: { a: "", b: 1 } } };
    expect(prune(schema, { ...meta, spec })).toEqual({
      object: { ...meta, spec: { free: { any: { b: 1 }, known: { a: "" } } } },
      unknown: ["spec.free.known.b"],
    });
  });

  it("keeps the head of an embedded object", () => {
    const whole = { ...meta, data: {} };
    expect(prune(schema, { ...meta, spec: { whole } })).toEqual({
      object: { ...meta, spec: { whole: meta } },
      unknown: ["spec.whole.data"],
    });
  });

  it("changes nothing the second time, whatever the schema and the object", () => {
    fc.assert(
      fc.property(schemas, objects, (any, object) => {
        const once = prune(any, object).object;
        expect(prune(any, once)).toEqual({ object: once, unknown: [] });
      }),
    );
  });
});

describe("defaults", () => {
  const withDefaults: StructuralSchema = {
    type: "object",
    properties: {
      a: { type: "string", default: "x" },
      inside: { type: "object", properties: { b: { type: "integer", default: 1 } } },
      made: {
        type: "object",
        default: {},
        properties: { c: { type: "boolean", default: true } },
      },
      may: { type: "string", nullable: true, default: "y" },
      not: { type: "string" },
      list: {
        type: "array",
        items: { type: "object", properties: { d: { type: "string", default: "z" } } },
      },
    },
  };

  it("fill in what is absent, below objects that are there", () => {
    expect(applyDefaults(withDefaults, { list: [{}, { d: "set" }] })).toEqual({
      a: "x",
      made: { c: true },
      may: "y",
      list: [{ d: "z" }, { d: "set" }],
    });
    expect(applyDefaults(withDefaults, { inside: {} })).toMatchObject({ inside: { b: 1 } });
  });

  it("take the place of a null that may not be, and leave one that may", () => {
    expect(applyDefaults(withDefaults, { a: null, may: null, not: null, other: null })).toEqual({
      a: "x",
      made: { c: true },
      may: null,
      other: null,
    });
  });

  it("change nothing the second time, whatever the schema and the object", () => {
    fc.assert(
      fc.property(schemas, objects, (any, object) => {
        const once = applyDefaults(any, object);
        expect(applyDefaults(any, once)).toEqual(once);
      }),
    );
  });
});
