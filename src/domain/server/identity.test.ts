import { expect, it } from "vitest";
import { usableSerial, usableUuid } from "./identity.ts";

it.each([
  ["7GJV033", "7GJV033"],
  ["  CN7792194B00  ", "CN7792194B00"],
  ["To Be Filled By O.E.M.", null],
  ["Default string", null],
  ["0000000000", null],
  ["N/A", null],
  ["  ", null],
  [null, null],
])("serial %j is %j", (given, expected) => {
  expect(usableSerial(given)).toBe(expected);
});

it.each([
  ["4C4C4544-0047-4A10-8056-B4C04F303033", "4c4c4544-0047-4a10-8056-b4c04f303033"],
  ["00000000-0000-0000-0000-000000000000", null],
  ["FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", null],
  ["03000200-0400-0500-0006-000700080009", null],
  ["", null],
  [null, null],
])("uuid %j is %j", (given, expected) => {
  expect(usableUuid(given)).toBe(expected);
});
