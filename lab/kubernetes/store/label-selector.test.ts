import { describe, expect, test } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { labelMatcher } from "./label-selector.ts";

const carrying = (labels: Readonly<Record<string, string>>): KubeObject =>
  ({ apiVersion: "v1", kind: "Secret", metadata: { name: "a", labels } }) as unknown as KubeObject;
const object = carrying({ tier: "front", size: "5", empty: "", in: "yes" });

describe("a label selector", () => {
  test.each([
    ["", true],
    ["tier", true],
    ["!tier", false],
    ["! other", true],
    ["tier=front", true],
    [" tier == front ", true],
    ["tier!=front", false],
    ["other!=front", true],
    ["tier in(front, back)", true],
    ["tier notin (front)", false],
    ["other notin (front)", true],
    ["empty in ()", true],
    ["empty in (,x)", true],
    ["empty=", true],
    ["tier=", false],
    ["size>4", true],
    ["size > 5", false],
    ["size<7,tier", true],
    ["tier>4", false],
    ["in=yes", true],
  ])("%s: %s", (selector, isMet) => {
    expect(labelMatcher(selector)(object)).toBe(isMet);
  });

  test.each([
    ["a b", "found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["a,", "expected: identifier after ','"],
    [",", "expected: identifier"],
    ["a=b c", "expected: ',' or 'end of string'"],
    ["!a=b", "expected: ',' or 'end of string'"],
    ["a in b", "expected: '('"],
    ["a in (b", "expected: ',' or ')'"],
    ["a=(b)", "expected: identifier"],
    ["a>b", "the value must be an integer"],
    ["a/b/c", "name part must consist of"],
    ["a=-b", "a valid label must be"],
    [`a=${"x".repeat(64)}`, "must be no more than 63 bytes"],
  ])("%s is refused", (selector, why) => {
    expect(() => labelMatcher(selector)).toThrow(why);
  });
});
