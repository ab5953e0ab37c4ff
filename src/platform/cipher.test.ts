import { expect, it } from "vitest";
import { createCipher, generateSecretKey } from "./cipher.ts";

const cipher = createCipher(generateSecretKey());
const other = createCipher(generateSecretKey());

it("gives back what was sealed, and seals the same text differently each time", () => {
  const sealed = cipher.seal("calvin ✓");
  expect(cipher.open(sealed)).toBe("calvin ✓");
  expect(cipher.open(cipher.seal(""))).toBe("");
  expect(Buffer.from(sealed).equals(Buffer.from(cipher.seal("calvin ✓")))).toBe(false);
  expect(Buffer.from(sealed).includes("calvin")).toBe(false);
});

it("refuses what was changed in any byte", () => {
  const sealed = Buffer.from(cipher.seal("calvin"));
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = changed[at]! ^ 1;
    expect(() => cipher.open(changed), `byte ${at}`).toThrow();
  }
});

it("refuses what was cut, down to a shorter tag", () => {
  const sealed = Buffer.from(cipher.seal(""));
  for (let length = 0; length < sealed.length; length += 1)
    expect(() => cipher.open(sealed.subarray(0, length)), `${length} bytes`).toThrow();
});

it("refuses what was sealed under another key, and a key of another length", () => {
  expect(() => other.open(cipher.seal("calvin"))).toThrow();
  expect(() => createCipher(Buffer.from("short").toString("base64"))).toThrow(/32 bytes, base64/);
});

it("makes tokens that belong to one text and one key", () => {
  const token = cipher.token("srv_1");
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(cipher.token("srv_1")).toBe(token);
  expect(cipher.verifies("srv_1", token)).toBe(true);
  expect(cipher.verifies("srv_2", token)).toBe(false);
  expect(other.verifies("srv_1", token)).toBe(false);
  for (const wrong of ["", token.slice(1), `${token}A`, `A${token.slice(1)}`.slice(0, 42)])
    expect(cipher.verifies("srv_1", wrong)).toBe(false);
});
