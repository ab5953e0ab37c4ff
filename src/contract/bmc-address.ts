import { z } from "zod";

/** What a text says about where a BMC listens: an origin, or why it says nothing usable. */
export type ReadAddress =
  | { readonly ok: true; readonly origin: string }
  | { readonly ok: false; readonly reason: string };

const no = (reason: string): ReadAddress => ({ ok: false, reason });

const ipv4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * Reads `10.0.0.5`, `10.0.0.5:8443`, `bmc-7.example`, `[fe80::1]:8443`, each with or without `https://`, as an
 * origin: lower case, without the default port, the form in which two texts for one BMC are equal.
 */
export function readBmcAddress(text: string): ReadAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "http")
    return no("must be https: over http the BMC's password would travel unencrypted");
  if (scheme !== undefined && scheme !== "https")
    return no(`must be an https address, not ${scheme}`);
  const rest = (scheme === undefined ? text : text.slice("https://".length)).replace(/\/$/, "");
  if (rest === "") return no("must name a host");
  if (rest.includes("@"))
    return no("must not hold a user name or password: they have fields of their own");
  if (/[/?#\\]/.test(rest))
    return no("must be a host with an optional port, without a path: Redfish is found by itself");
  if (!rest.startsWith("[") && rest.split(":").length > 2)
    return no("must have an IPv6 address in brackets, as in [2001:db8::7]:8443");
  if (/[\s%]/.test(rest) || !URL.canParse(`https://${rest}`)) return no("is not a host or address");
  const url = new URL(`https://${rest}`);
  if (url.port === "0") return no("must not have port 0");
  // The URL parser reads 10.5 and 0xa000005 as addresses too; a typing mistake must not become another machine.
  const host = rest.replace(/:\d*$/, "").toLowerCase();
  if (ipv4.test(url.hostname) && url.hostname !== host)
    return no(`must be written as a full IPv4 address (it would be read as ${url.hostname})`);
  return { ok: true, origin: url.origin };
}

/** A BMC's address in a request; parses to its origin. */
export const BmcAddress = z
  .string()
  .min(1)
  .max(255)
  .transform((text, context) => {
    const read = readBmcAddress(text);
    if (read.ok) return read.origin;
    context.addIssue({ code: "custom", message: read.reason });
    return z.NEVER;
  })
  .meta({
    description:
      "Where the BMC listens: a host name or address with an optional port, https only. IPv6 in brackets.",
    example: "10.0.0.5",
  });
