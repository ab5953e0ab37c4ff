import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  difference,
  fieldPaths,
  fieldsFromJson,
  fieldsToJson,
  intersection,
  isEmpty,
  noFields,
  sameFields,
  union,
} from "./fields.ts";

const sets = fc
  .letrec<{ node: object }>((tie) => ({
    node: fc.dictionary(
      fc.constantFrom(".", "f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'),
      fc.oneof({ depthSize: "small" }, fc.constant({}), tie("node")),
      { maxKeys: 3 },
    ),
  }))
  .node.map(fieldsFromJson);

describe("sets of fields", () => {
  it("are read and written as FieldsV1", () => {
    const json = {
      "f:spec": { "f:ports": { ".": {}, 'k:{"port":80}': { ".": {}, "f:name": {} } }, "f:z": {} },
    };
    expect(fieldsToJson(fieldsFromJson(json))).toEqual(json);
    expect(isEmpty(fieldsFromJson({}))).toBe(true);
    expect(fieldsFromJson("odd")).toEqual(noFields);
  });

  it("are told in the words of conflicts", () => {
    const json = {
      "f:a": { 'k:{"port":80,"protocol":"TCP"}': { "f:name": {} }, 'v:"x"': {} },
    };
    expect(fieldPaths(fieldsFromJson(json))).toEqual([
      '.a[="x"]',
      '.a[port=80,protocol="TCP"].name',
    ]);
  });

  it("keep to the laws of sets", () => {
    fc.assert(
      fc.property(sets, sets, sets, (a, b, c) => {
        const laws = [
          [union(a, b), union(b, a)],
          [intersection(a, b), intersection(b, a)],
          [union(union(a, b), c), union(a, union(b, c))],
          [union(a, a), a],
          [difference(a, a), noFields],
          [union(difference(a, b), intersection(a, b)), a],
          [intersection(difference(a, b), b), noFields],
          [difference(a, union(b, c)), difference(difference(a, b), c)],
          [union(difference(a, b), b), union(a, b)],
          [fieldsFromJson(fieldsToJson(a)), a],
        ] as const;
        for (const [left, right] of laws) {
          expect(left).toEqual(right);
          expect(sameFields(left, right)).toBe(true);
        }
        expect(sameFields(a, b)).toBe(
          fieldPaths(difference(a, b)).length + fieldPaths(difference(b, a)).length === 0,
        );
      }),
    );
  });
});
