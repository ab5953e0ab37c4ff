import { describe, expect, test } from "vitest";
import { duplicateFields } from "./duplicate-fields.ts";

describe("fields that a JSON text says twice", () => {
  test.each([
    ['{"a":1,"b":{"a":1}}', []],
    ['{"a":1,"a":2,"a":3}', ["a"]],
    ['{"spec":{"size":1,"size":2},"x":[1,2]}', ["spec.size"]],
    ['[{"op":"add","value":1},{"value":1,"value":2}]', ["[1].value"]],
    ['{"a":[{"b":1},{"b":1,"c":[[{"d":1,"d":2}]]}]}', ["a[1].c[0][0].d"]],
    ['{"a":"{\\"b\\":1,\\"b\\":2}","c":"x,y"}', []],
    ['{"a\\"b":1,"a\\"b":2}', ['a"b']],
    ["[]", []],
    ['"text"', []],
  ])("%s: %j", (text, fields) => {
    expect(duplicateFields(text)).toEqual(fields);
  });
});
