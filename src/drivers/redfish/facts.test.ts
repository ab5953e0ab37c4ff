import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Facts } from "./facts.ts";
import { readEverything } from "./testing/read-everything.ts";

const read = (raw: Record<string, unknown>): { facts: Facts; odd: string[] } => {
  const odd: string[] = [];
  return { facts: new Facts("/here", raw, (sentence) => odd.push(sentence)), odd };
};

describe("facts", () => {
  it.each(["", "  ", "N/A", "n/a", "NA", "Unknown", "Not Available", null, undefined])(
    "take %j for nothing said, without a word",
    (value) => {
      const { facts, odd } = read({ value });
      expect([facts.text("value"), facts.number("value"), facts.flag("value")].slice(0, 2)).toEqual(
        [null, null],
      );
      expect(odd.filter((sentence) => !sentence.includes("true or false"))).toEqual([]);
    },
  );

  it("trim texts and keep what only looks like nothing", () => {
    const { facts } = read({ cpu: "AMD EPYC 7313        ", target: "None", name: "NAS" });
    expect(facts.text("cpu")).toBe("AMD EPYC 7313");
    expect(facts.text("target")).toBe("None");
    expect(facts.text("name")).toBe("NAS");
  });

  it("take what is meant from a wrong type, and tell", () => {
    const { facts, odd } = read({
      size: "32768",
      on: "true",
      Members: { "@odata.id": "/a" },
      id: 7,
    });
    expect(facts.number("size")).toBe(32_768);
    expect(facts.flag("on")).toBe(true);
    expect(facts.links("Members")).toEqual(["/a"]);
    expect(facts.text("id")).toBe("7");
    expect(odd).toEqual([
      "/here#/size is a string where a number belongs",
      "/here#/on is a string where true or false belongs",
      "/here#/Members is an object where a list belongs",
      "/here#/id is a number where text belongs",
    ]);
  });

  it("know a property that is null from one that is not there", () => {
    const { facts } = read({ mode: null });
    expect([facts.models("mode"), facts.has("mode"), facts.models("other")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("never have a count below zero", () => {
    const { facts } = read({ a: -1, b: 2.6, c: Number.NaN });
    expect([facts.count("a"), facts.count("b"), facts.count("c")]).toEqual([null, 3, null]);
  });

  it("and every reader above them survive whatever JSON there is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        readEverything(value, () => undefined);
      }),
    );
    const names = ["Status", "Members", "Actions", "Operations", "Image", "Links", "error"];
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names), fc.jsonValue(), { noNullPrototype: true }),
        (value) => {
          readEverything(value, () => undefined);
        },
      ),
    );
  });
});
