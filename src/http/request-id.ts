import { randomUUID } from "node:crypto";

const wellFormed = /^[A-Za-z0-9._:-]{8,128}$/;

/** The first 12 hex digits of a random UUID are all random, and Node makes UUIDs many at a time. */
const randomHex = (): string => {
  const uuid = randomUUID();
  return uuid.slice(0, 8) + uuid.slice(9, 13);
};

/** The caller's own id when it is well formed, else a new one: `req_<region>-<ms>-<12 hex>`. */
export const requestIdOf = (
  given: string | null,
  { region, now }: { readonly region: string; readonly now: number },
): string =>
  given !== null && wellFormed.test(given) ? given : `req_${region}-${now}-${randomHex()}`;
