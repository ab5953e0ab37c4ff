import { expect, it } from "vitest";
import type { Problem } from "#contract/cluster.ts";
import { changedProblems, waitFor } from "./problems.ts";

const full = { source: "DataVolume/web-root", reason: "Error", message: "404 Not Found" };
const bare = { source: "VirtualMachine/web", reason: "DataVolumeError", message: "" };

it("says what is awaited, what the operator does, and what it complains of, once", () => {
  expect(waitFor("the machine", "Provisioning", []).reason).toBe(
    "waiting for the machine: Provisioning",
  );
  expect(waitFor("the machine", "Provisioning", [bare, full]).reason).toBe(
    "waiting for the machine: Provisioning (Error: 404 Not Found)",
  );
  expect(waitFor("the machine", "Provisioning: 404 Not Found", [full]).reason).toBe(
    "waiting for the machine: Provisioning: 404 Not Found",
  );
  expect(waitFor("the machine", "DataVolumeError", [bare]).reason).toBe(
    "waiting for the machine: DataVolumeError",
  );
});

it("keeps in mind what was complained of last, because the operator tries again", () => {
  const { memo } = waitFor("the machine", "Provisioning", [full], { memo: undefined });
  const later = waitFor("the machine", "ImportInProgress", [], { memo });
  expect(later.reason).toBe(
    "waiting for the machine: ImportInProgress (before that, Error: 404 Not Found)",
  );
  const last = waitFor("the machine", "DataVolumeError", [bare], { memo: later.memo });
  expect(last.reason).toContain("(before that, Error: 404 Not Found)");
  expect(waitFor("the machine", "Provisioning", [full]).memo).toBeUndefined();
  expect(waitFor("the machine", "Running", [], { memo: { other: 1 } }).memo).toBeUndefined();
});

/** Looks every ten seconds of declared time at what is seen each time, the last look being the one that finds it done. */
function told(
  looks: readonly (readonly Problem[])[],
  { pace = 1 }: { pace?: number } = {},
): string[][] {
  let record: { problems: readonly Problem[]; problemsAt: number | null } = {
    problems: [],
    problemsAt: null,
  };
  return looks.flatMap((seen, n) => {
    const at = (n * 10_000) / pace;
    const isDone = n === looks.length - 1;
    const changed = changedProblems(record, seen, { now: () => at, pace, isDone });
    if (changed === null) return [];
    record = { ...changed, problemsAt: at };
    return [changed.problems.map(({ reason, message }) => `${reason} ${message}`.trim())];
  });
}

it("tells a complaint once, however often it passes and comes back in other words", () => {
  const tries = Array.from({ length: 28 }, (_, n) =>
    n % 2 === 0 ? [{ ...full, message: `404, try ${n}` }] : [],
  );
  expect(told([...tries, []])).toEqual([["Error 404, try 0"], []]);
  expect(told([...tries, []], { pace: 100 })).toEqual([["Error 404, try 0"], []]);
});

it("tells of another complaint at once, and keeps those that were told a short while ago", () => {
  expect(told([[full], [full, bare], [bare], [full], [bare, full], [bare]])).toEqual([
    ["Error 404 Not Found"],
    ["Error 404 Not Found", "DataVolumeError"],
    ["DataVolumeError"],
  ]);
});

it("keeps of what has passed only what passed last, and all that is seen", () => {
  const other = (n: number) => ({ ...full, reason: `Reason${n}` });
  const everNew = Array.from({ length: 25 }, (_, n) => [other(n)]);
  const last = told([...everNew, []]).at(-2);
  expect(last).toEqual(Array.from({ length: 20 }, (_, n) => `Reason${24 - n} 404 Not Found`));
  const many = Array.from({ length: 22 }, (_, n) => other(100 + n));
  const said = many.map(({ reason, message }) => `${reason} ${message}`);
  expect(told([[full], many, []])[1]).toEqual(said);
});

it("tells that a complaint has passed while it is still waited, after a time", () => {
  const quiet = Array.from({ length: 30 }, () => []);
  expect(told([[full], ...quiet, [full], [full]])).toEqual([
    ["Error 404 Not Found"],
    [],
    ["Error 404 Not Found"],
  ]);
});

it("tells a complaint in other words after a time, and at once when it is explained first", () => {
  const other = { ...full, message: "403 Forbidden" };
  const same = Array.from({ length: 32 }, () => [other]);
  expect(told([[full], ...same])).toEqual([["Error 404 Not Found"], ["Error 403 Forbidden"]]);
  const explained = { ...bare, message: "3 Insufficient memory" };
  expect(told([[bare], [explained], [bare], [explained], [explained]])).toEqual([
    ["DataVolumeError"],
    ["DataVolumeError 3 Insufficient memory"],
  ]);
});

it("tells exactly what stands once nothing is waited for", () => {
  expect(told([[full], []])).toEqual([["Error 404 Not Found"], []]);
  expect(told([[full], [bare]])).toEqual([["Error 404 Not Found"], ["DataVolumeError"]]);
  expect(told([[]])).toEqual([]);
});
