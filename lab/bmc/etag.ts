import { hash } from "#lab/profiles/seed.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import type { Answer, Body } from "./answer.ts";
import { base, refuse } from "./answer.ts";

/** Properties that change by themselves; an ETag that followed them would never match. */
const volatile = new Set([
  "DateTime",
  "Reading",
  "PowerConsumedWatts",
  "LastPowerOutputWatts",
  "ReadingCelsius",
]);

/** The ETag of a body, undefined for vendors that send none. */
export function etagOf(profile: Profile, body: Body): string | undefined {
  const { kind } = profile.wire.etag;
  if (kind === "none") return undefined;
  const stable = JSON.stringify(body, (name, value: unknown) =>
    volatile.has(name) ? undefined : value,
  );
  const tag = `"${hash(stable).toString(16).padStart(8, "0").toUpperCase()}"`;
  return kind === "weak" ? `W/${tag}` : tag;
}

/**
 * Checks If-Match before a write (RFC 9110 §13.1.1). An empty header counts as none; weak tags are compared
 * by their value, because what sends weak tags means them to be sent back.
 */
export function checkPrecondition(
  profile: Profile,
  ifMatch: string | undefined,
  current: Body,
): Answer | undefined {
  const etag = etagOf(profile, current);
  if (etag === undefined) return undefined;
  if (ifMatch === undefined || ifMatch === "") {
    return profile.wire.etag.isRequired ? refuse(profile, base.preconditionRequired()) : undefined;
  }
  const matches = ifMatch
    .split(",")
    .map((tag) => tag.trim())
    .some((tag) => tag === "*" || opaque(tag) === opaque(etag));
  return matches ? undefined : refuse(profile, base.preconditionFailed());
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}
