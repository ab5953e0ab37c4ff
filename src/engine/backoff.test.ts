import { expect, it } from "vitest";
import { codes, Failure, failureCodes, type FailureCode } from "#contract/failures.ts";
import { retryAt, type Tried } from "./backoff.ts";

const NOW = 1_000_000;
const tried = (code: FailureCode, rest: Partial<Tried> = {}): number | null => {
  const at = retryAt({
    failure: new Failure(code, "x"),
    failures: 0,
    attempts: undefined,
    now: NOW,
    deadlineAt: Number.MAX_SAFE_INTEGER,
    pace: 1,
    random: 0.999_999,
    ...rest,
  });
  return at === null ? null : at - NOW;
};

it("doubles from the first pause to the longest, by the code's ladder", () => {
  const pauses = (code: FailureCode) =>
    Array.from({ length: 8 }, (_, failures) => tried(code, { failures, attempts: 100 }));
  expect(pauses("UNAVAILABLE")).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect(pauses("BMC_CONNECTION_FAILED")).toEqual([
    5_000, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000, 120_000,
  ]);
});

it("spreads retries over the upper half of the pause, divides by the pace, and heeds the other side's wish", () => {
  expect(tried("UNAVAILABLE", { random: 0 })).toBe(500);
  expect(tried("UNAVAILABLE", { pace: 10 })).toBe(100);
  const asked = new Failure("BMC_BUSY", "later", { retryAfterMs: 90_000 });
  expect(tried("BMC_BUSY", { failure: asked })).toBe(90_000);
  // A wish is not divided by a pace that the other side does not know of.
  expect(tried("BMC_BUSY", { failure: asked, pace: 100 })).toBe(90_000);
});

it("tries as often as the code's row says, unless the step says otherwise", () => {
  for (const code of failureCodes) {
    const { retry, attempts } = codes[code];
    let tries = 1;
    while (tries < 100 && tried(code, { failures: tries - 1 }) !== null) tries += 1;
    expect(tries, code).toBe(retry === "no" ? 1 : attempts);
  }
  expect(tried("UNAVAILABLE", { failures: 1, attempts: 2 })).toBeNull();
  expect(tried("UNAVAILABLE", { failures: 50, attempts: Number.POSITIVE_INFINITY })).toBe(30_000);
  expect(tried("BMC_REJECTED", { attempts: 9 })).toBeNull();
});

it("does not try again when the pause ends at or after the deadline", () => {
  expect(tried("UNAVAILABLE", { deadlineAt: NOW + 1_000 })).toBeNull();
  expect(tried("UNAVAILABLE", { deadlineAt: NOW + 1_001 })).toBe(1_000);
});

it("tries again what its code would not when the caller says how", () => {
  expect(tried("STEP_TIMEOUT")).toBeNull();
  expect(tried("STEP_TIMEOUT", { retry: "slowly", attempts: Number.POSITIVE_INFINITY })).toBe(
    5_000,
  );
});
