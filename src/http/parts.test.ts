import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteRange } from "./byte-range.ts";
import { readCsv } from "./csv.ts";
import { escapeText, html, prose } from "./html.ts";
import { inOrder } from "./in-order.ts";
import { preferredWaitS } from "./prefer.ts";

describe("ranges of bytes", () => {
  it.each([
    ["bytes=0-9", { from: 0, to: 9 }],
    ["bytes=90-", { from: 90, to: 99 }],
    ["bytes=-10", { from: 90, to: 99 }],
    ["bytes=-1000", { from: 0, to: 99 }],
    ["bytes=50-1000", { from: 50, to: 99 }],
    ["bytes=100-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=9-0", null],
    ["bytes=0-1,5-6", null],
    ["bytes=-", null],
    ["lines=0-1", null],
    [null, null],
  ])("%s", (header, expected) => {
    expect(byteRange(header, 100)).toEqual(expected);
  });
});

describe("Prefer: wait", () => {
  it.each([
    ["wait=5", 5],
    ["respond-async, wait=10", 10],
    ['Wait = "7"; x', 7],
    ["wait=100", 60],
    ["wait=soon", null],
    ["waiting=5", null],
    ["", null],
  ])("%s", (header, expected) => {
    expect(preferredWaitS(new Headers({ prefer: header }))).toBe(expected);
  });
});

describe("CSV", () => {
  it("gives back any cells that were written by the rules", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", " ", ",", '"', "\n", "\r", "ü", ";") });
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1 });
    fc.assert(
      fc.property(rows, fc.constantFrom("\n", "\r\n"), (table, lineEnd) => {
        const text = table
          .map((cells) => cells.map((each) => `"${each.replaceAll('"', '""')}"`).join(","))
          .join(lineEnd);
        expect(readCsv(text)?.map(({ cells }) => cells)).toEqual(
          table.filter((cells) => cells.some((each) => each !== "")),
        );
      }),
    );
  });

  it("trims plain cells, skips empty lines and refuses an open quote", () => {
    expect(readCsv('\uFEFFa, b\n\n c ,"d\ne"\n f,\n')).toEqual([
      { line: 1, cells: ["a", "b"] },
      { line: 3, cells: ["c", "d\ne"] },
      { line: 5, cells: ["f", ""] },
    ]);
    expect(readCsv('a,"b')).toBeNull();
  });
});

describe("markup", () => {
  it("lets text in only escaped", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const rendered = html`<p title="${text}">${[text, null, 7]}${prose(text)}</p>`.markup;
        expect(rendered.replaceAll(/<\/?(p|code)( title="[^"<>]*")?>/g, "")).not.toMatch(/[<>]/);
        expect(escapeText(text)).not.toMatch(/[<>"']/);
      }),
    );
  });
});

describe("working in order", () => {
  it("keeps the order of results and its bound, whatever ends first", async () => {
    let atWork = 0;
    let most = 0;
    const results = await inOrder([3, 1, 2, 0, 2], 2, async (item, index) => {
      atWork += 1;
      most = Math.max(most, atWork);
      for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
      atWork -= 1;
      return `${index}:${item}`;
    });
    expect(results).toEqual(["0:3", "1:1", "2:2", "3:0", "4:2"]);
    expect(most).toBe(2);
  });
});
