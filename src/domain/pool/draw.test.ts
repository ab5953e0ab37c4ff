import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { draw } from "./draw.ts";

/** The most places that can be filled, by trying every way: what `draw` must not fall short of. */
function most(lacks: readonly { missing: number; candidates: readonly number[] }[]): number {
  const places = lacks.flatMap(({ missing, candidates }) =>
    Array.from({ length: missing }, () => candidates),
  );
  const fill = (place: number, taken: ReadonlySet<number>): number => {
    const candidates = places[place];
    if (candidates === undefined) return 0;
    const ways = candidates
      .filter((server) => !taken.has(server))
      .map((server) => 1 + fill(place + 1, new Set([...taken, server])));
    return Math.max(fill(place + 1, taken), ...ways);
  };
  return fill(0, new Set());
}

describe("draw", () => {
  it("gives the first candidates where nothing speaks against it", () => {
    const result = draw([{ group: "workers", missing: 2, candidates: ["a", "b", "c"] }]);
    expect(result).toEqual({
      drawn: new Map([
        ["a", "workers"],
        ["b", "workers"],
      ]),
    });
  });

  it("moves a server to the group that has no other", () => {
    const result = draw([
      { group: "any", missing: 1, candidates: ["gpu", "plain"] },
      { group: "gpus", missing: 1, candidates: ["gpu"] },
    ]);
    expect(result).toEqual({
      drawn: new Map([
        ["gpu", "gpus"],
        ["plain", "any"],
      ]),
    });
  });

  it("finds out about thousands of shared servers without losing its way", () => {
    const candidates = Array.from({ length: 4_800 }, (_, index) => index);
    const lacks = Array.from({ length: 5 }, (_, index) => ({
      group: `g${index}`,
      missing: 1_000,
      candidates,
    }));
    expect(draw(lacks)).toEqual({ short: "g4" });
    const enough = lacks.map((lack) => ({ ...lack, missing: 960 }));
    const result = draw(enough);
    expect("drawn" in result ? result.drawn.size : 0).toBe(4_800);
  });

  it("fills every place whenever there is a way to, each with a server of its own", () => {
    const lack = fc.record({
      missing: fc.nat({ max: 2 }),
      candidates: fc.uniqueArray(fc.nat({ max: 5 }), { maxLength: 5 }),
    });
    let filled = 0;
    fc.assert(
      fc.property(fc.array(lack, { maxLength: 3 }), (given) => {
        const lacks = given.map((each, index) => ({ group: `g${index}`, ...each }));
        const wanted = lacks.reduce((sum, { missing }) => sum + missing, 0);
        const result = draw(lacks);
        if ("short" in result) {
          expect(most(lacks)).toBeLessThan(wanted);
          return;
        }
        filled += 1;
        expect(result.drawn.size).toBe(wanted);
        for (const { group, missing, candidates } of lacks) {
          const own = [...result.drawn].filter(([, of]) => of === group).map(([server]) => server);
          expect(own).toHaveLength(missing);
          for (const server of own) expect(candidates).toContain(server);
        }
      }),
      { numRuns: 500 },
    );
    expect(filled).toBeGreaterThan(0);
  });
});
