import { expect, test } from "vitest";
import { after, left, minute, rfc3339, second, timestamp } from "./life.ts";

test("life runs as many times faster as the lab does", () => {
  let now = 1_000_000;
  const clock = { now: () => now, speed: 60 };
  const at = after(clock, 5 * minute);
  expect(at).toBe(now + 5 * second);
  now += second;
  expect(left(clock, at)).toBe(4 * minute);
  now += 10 * second;
  expect(left(clock, at)).toBe(0);
});

test("times are written in whole seconds", () => {
  expect(rfc3339(Date.UTC(2026, 0, 1, 12, 0, 0, 999))).toBe("2026-01-01T12:00:00Z");
  expect(timestamp({ now: () => 0, speed: 1 })).toBe("1970-01-01T00:00:00Z");
});
