import fc from "fast-check";
import { createPatch } from "rfc6902";
import { describe, expect, it } from "vitest";
import { isObject, type JsonObject } from "#lab/kubernetes/schema/json.ts";
import { jsonPatch, mergePatch, PatchError } from "./json-patch.ts";

const names = fc.constantFrom("a", "b", "c~/");
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, 1, "x", true),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(names, tie("value"), { maxKeys: 3 }),
  ),
})).value;
const objects = fc.dictionary(names, values, { maxKeys: 3 });

describe("a JSON patch", () => {
  it("carries out its operations in order and leaves what it was given alone", () => {
    const object = { a: [1, 2], b: { c: 1 } };
    const patch = [
      { op: "test", path: "/a/0", value: 1 },
      { op: "add", path: "/a/-", value: 3 },
      { op: "remove", path: "/a/0" },
      { op: "copy", from: "/b", path: "/d" },
      { op: "move", from: "/b/c", path: "/e" },
      { op: "replace", path: "/d/c", value: 2 },
    ];
    expect(jsonPatch(object, patch)).toEqual({ a: [2, 3], b: {}, d: { c: 2 }, e: 1 });
    expect(object).toEqual({ a: [1, 2], b: { c: 1 } });
    expect(jsonPatch(object, [{ op: "replace", path: "", value: 5 }])).toBe(5);
  });

  it.each([
    ["test-failed", 1, { op: "test", path: "/a", value: 2 }],
    ["test-failed", 1, { op: "test", path: "/nowhere", value: 2 }],
    ["missing", 1, { op: "remove", path: "/nowhere" }],
    ["missing", 1, { op: "replace", path: "/nowhere", value: 1 }],
    ["missing", 1, { op: "add", path: "/nowhere/a", value: 1 }],
    ["missing", 1, { op: "add", path: "/list/3", value: 1 }],
    ["missing", 1, { op: "move", from: "/nowhere", path: "/a" }],
    ["malformed", 1, { op: "put", path: "/a" }],
    ["malformed", 1, { op: "add", path: "/a" }],
    ["malformed", 1, { op: "add", path: "a", value: 1 }],
    ["malformed", 1, { op: "move", from: "/list", path: "/list/0" }],
    ["malformed", 1, { op: "add", path: "/__proto__/x", value: 1 }],
    ["malformed", 1, "remove"],
  ])("that cannot be carried out is %s and says where", (reason, index, operation) => {
    const patch = [{ op: "test", path: "/a", value: 1 }, operation];
    let thrown: unknown;
    try {
      jsonPatch({ a: 1, list: [] }, patch);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PatchError);
    expect(thrown).toMatchObject({ reason, index });
  });

  it("between any two objects makes the one of the other", () => {
    fc.assert(
      fc.property(objects, objects, (a, b) => {
        expect(jsonPatch(a, createPatch(a, b))).toEqual(b);
      }),
    );
  });
});

describe("a merge patch", () => {
  // RFC 7396, appendix A, as far as both are objects.
  it.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("of %j by %j", (object, patch, result) => {
    expect(mergePatch(object, patch)).toEqual(result);
  });

  it("may name a field that objects have anyway", () => {
    expect(mergePatch({}, JSON.parse('{"constructor":{"a":1}}'))).toEqual(
      JSON.parse('{"constructor":{"a":1}}'),
    );
  });

  it("keeps to its laws: again it changes nothing, and what it does not name stays", () => {
    fc.assert(
      fc.property(objects, objects, (object, patch) => {
        const once = mergePatch(object, patch);
        expect(mergePatch(once, patch)).toEqual(once);
        expect(mergePatch(object, {})).toEqual(object);
        expect(mergePatch(mergePatch({}, patch), patch)).toEqual(mergePatch({}, patch));
        expect(holdsNoNull(mergePatch({}, patch))).toBe(true);
        for (const [field, value] of Object.entries(object))
          if (!Object.hasOwn(patch, field)) expect(once[field]).toEqual(value);
      }),
    );
  });
});

/** Nulls in lists are values. */
function holdsNoNull(object: JsonObject): boolean {
  return Object.values(object).every(
    (value) => value !== null && (!isObject(value) || holdsNoNull(value)),
  );
}
