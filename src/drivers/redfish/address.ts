import { Failure } from "#contract/failures.ts";

/** Where a BMC listens. */
export interface Origin {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Canonical form of the address: the name under which sessions and slots of this BMC are kept. */
  readonly name: string;
}

/** Reads `https://host[:port]`. Anything else is refused: credentials are never sent in the clear. */
export const originOf = (address: string): Origin => {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || url.protocol !== "https:" || url.hostname === "") {
    throw new Failure("BMC_CONNECTION_FAILED", "the BMC's address is not an https origin", {
      details: { reason: "address" },
    });
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? 443 : Number(url.port);
  return { host, port, name: `https://${url.hostname}:${port}` };
};

/**
 * The request target of a link: path and query as the service wrote them, without the fragment. Only what
 * may not stand in a request line is percent-encoded; `:` stays, because Dell's ids hold it.
 */
export const targetOf = (link: string): string => {
  const path = URL.canParse(link) ? new URL(link).pathname + new URL(link).search : link;
  const [beforeFragment = ""] = path.split("#");
  return beforeFragment.replace(/[^\x21-\x7e]/gu, encodeURIComponent);
};

/** Two links to one resource have the same key: case, a trailing slash and the fragment do not count. */
export const keyOf = (link: string): string => targetOf(link).replace(/\/+$/, "").toLowerCase();

/**
 * Follows a Location header that stays on the same host and port, and answers its request target; null when
 * it leads elsewhere, where our credentials have no business.
 */
export const sameOriginTarget = (origin: Origin, from: string, location: string): string | null => {
  const host = origin.host.includes(":") ? `[${origin.host}]` : origin.host;
  const base = `https://${host}:${origin.port}`;
  // A Location of "//x" names a host, so the base must be a whole URL for it to be resolved as one.
  if (!URL.canParse(location, base + from)) return null;
  const url = new URL(location, base + from);
  return url.origin === new URL(base).origin ? url.pathname + url.search : null;
};
