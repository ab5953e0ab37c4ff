import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventDigest, storable } from "./canonical.ts";
import type { NewEvent } from "./journal.ts";

const event = (data: unknown): NewEvent => ({
  type: "x",
  data,
  meta: { actor: "tester", schema: 1 },
  at: 0,
});
const digest = (data: unknown): string => eventDigest("run_1", 1, event(data));

/** Anything that JSON can say, with what PostgreSQL refuses in values and in names of members. */
const odd = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("\0", "a\0b", "\ud800", "x\udfff", "\\u0000", "__proto__", "\u{1F980}"),
);
const json = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    odd,
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(odd, tie("any"), { maxKeys: 4 }),
  ),
})).any;

describe("storable", () => {
  it("leaves nothing that jsonb refuses, in values or in names", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(storable(value));
        // Outside of an escaped backslash there is no NUL and no half of a pair.
        expect(text.replaceAll(String.raw`\\`, "")).not.toMatch(/\\u0000|\\ud[89a-f]/i);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  it("changes nothing else, and nothing the second time", () => {
    fc.assert(
      fc.property(json, (value) => {
        const once = storable(value);
        expect(storable(once)).toEqual(once);
      }),
    );
    const plain = { text: String.raw`\u0000`, list: [1, null, true], crab: "\u{1F980}" };
    expect(storable(plain)).toEqual(plain);
    expect(storable({ "a\0b": "c\0", gone: undefined })).toEqual({ "a\u{FFFD}b": "c\u{FFFD}" });
    expect(storable(undefined)).toBeNull();
  });
});

describe("eventDigest", () => {
  it("does not depend on the order of members, and on everything else", () => {
    expect(digest({ a: 1, b: { c: 2, d: 3 } })).toBe(digest({ b: { d: 3, c: 2 }, a: 1 }));
    const first = event({ a: 1 });
    const digests = [
      eventDigest("run_1", 1, first),
      eventDigest("run_2", 1, first),
      eventDigest("run_1", 2, first),
      eventDigest("run_1", 1, { ...first, type: "y" }),
      eventDigest("run_1", 1, { ...first, data: { a: 2 } }),
      eventDigest("run_1", 1, { ...first, data: { a: [1] } }),
      eventDigest("run_1", 1, { ...first, meta: { ...first.meta, actor: "eve" } }),
      eventDigest("run_1", 1, { ...first, at: 1 }),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  it("stays what it was: a digest in a journal is checked for ever", () => {
    expect(digest({ text: "é ✓", numbers: [0, -1.5, 1e21], nested: { b: null, a: true } })).toBe(
      "cb8af251f974c5f6072c21985f581aedd0447f2df9fecd11abd013432b1d454b",
    );
  });
});
