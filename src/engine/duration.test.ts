import { expect, it } from "vitest";
import { durationMs, spanText, type Duration } from "./duration.ts";

it.each([
  ["250ms", 250],
  ["20s", 20_000],
  ["1.5s", 1_500],
  ["9m", 540_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["0s", 0],
] as const)("reads %s", (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

it.each(["", "5", "s", "5 s", "-5s", "5sec", "1e3s", "5S"])("refuses %j", (text) => {
  expect(() => durationMs(text as Duration)).toThrow(TypeError);
});

it.each([
  [250, "250 ms"],
  [45_000, "45 s"],
  [90_000, "90 s"],
  [150_000, "2.5 min"],
  [3_600_000, "60 min"],
  [86_400_000, "24 h"],
])("says %i ms as %s", (ms, text) => {
  expect(spanText(ms)).toBe(text);
});
