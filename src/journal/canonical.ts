import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import type { NewEvent } from "./journal.ts";

/**
 * A value's JSON as the journal can hold it: PostgreSQL's `jsonb` refuses NUL and lone surrogates, which broken
 * firmware does send, so they become U+FFFD; `undefined` members vanish as in JSON.
 */
export function storableText(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  // JSON writes few characters as \u, and most texts have none.
  if (!text.includes(String.raw`\u`)) return text;
  if (!text.includes(String.raw`\u0000`) && !/\\ud[89a-f]/i.test(text)) return text;
  return JSON.stringify(cleaned(JSON.parse(text)));
}

/** The value that this JSON stands for. */
export const storable = (value: unknown): unknown => JSON.parse(storableText(value)) as unknown;

/** The names of members too: they come from the same firmware. */
function cleaned(part: unknown): unknown {
  if (typeof part === "string") return clean(part);
  if (Array.isArray(part)) return part.map(cleaned);
  if (typeof part !== "object" || part === null) return part;
  return Object.fromEntries(
    Object.entries(part).map(([name, value]) => [clean(name), cleaned(value)]),
  );
}

const clean = (text: string): string => text.toWellFormed().replaceAll("\0", "\u{FFFD}");

/**
 * SHA-256 over the event's canonical JSON (RFC 8785): equal content gives an equal digest whatever the order of
 * its members, so a row read back from `jsonb` can be checked.
 */
export function eventDigest(stream: string, version: number, event: NewEvent): string {
  const canonical = canonicalize([
    stream,
    version,
    event.type,
    event.data,
    event.meta,
    new Date(event.at).toISOString(),
  ]);
  return hash("sha256", canonical ?? "");
}

/** Equal as JSON, whatever the order of members: what comes back from `jsonb` has another one. */
export const sameJson = (a: unknown, b: unknown): boolean =>
  canonicalize(a ?? null) === canonicalize(b ?? null);
