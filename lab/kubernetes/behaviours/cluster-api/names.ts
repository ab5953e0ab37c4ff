import { createHash } from "node:crypto";
import canonicalize from "canonicalize";

/** The letters of Kubernetes' generated names: none that make words. */
const letters = "bcdfghjklmnpqrstvwxz2456789";

/**
 * A short ending that follows from what it is for, where the real operators draw one by chance: the same wish gives the same
 * name, so that a second try finds what the first one made.
 */
export function endingFor(...parts: readonly string[]): string {
  const digest = createHash("sha256").update(parts.join("\n")).digest();
  return [...digest.subarray(0, 5)].map((byte) => letters[byte % letters.length]).join("");
}

/** A template's name for its content: another content is another template, and a roll-out. */
export function hashOf(content: unknown): string {
  return createHash("sha256")
    .update(canonicalize(content) ?? "")
    .digest("hex")
    .slice(0, 10);
}

/** An UUID that belongs to this text. */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A loopback address that belongs to this text, outside 127.0.0.0/16, where the lab's own services listen. */
export function addressOf(text: string): string {
  const [a = 0, b = 0, c = 0] = createHash("sha256").update(text).digest();
  return `127.${1 + (a % 254)}.${b}.${1 + (c % 254)}`;
}
