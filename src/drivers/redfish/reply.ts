import { Failure } from "#contract/failures.ts";
import { Facts, type OnOddity } from "./facts.ts";
import type { RawReply } from "./wire/exchange.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** A whole answer of a BMC, whatever its status. */
export interface Reply extends RawReply {
  readonly method: Method;
  /** The request target that answered, after redirects. */
  readonly path: string;
  /** The parsed body; the text itself when it is no JSON; undefined when it is empty. */
  readonly body: unknown;
}

/** JSON where it parses, the text where not: the content type is not reliable on real services. */
export const bodyOf = (text: string): unknown => {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") return undefined;
  try {
    return JSON.parse(trimmed) as unknown;
  } catch {
    return text;
  }
};

/** True when a successful GET holds what every resource is: a JSON object. */
export const isResource = (reply: Reply): boolean =>
  typeof reply.body === "object" && reply.body !== null && !Array.isArray(reply.body);

export const factsOf = (reply: Reply, onOddity?: OnOddity): Facts => {
  if (isResource(reply)) return new Facts(reply.path, reply.body, onOddity);
  throw new Failure("BMC_INVALID_RESPONSE", `${reply.path} did not answer with a JSON object`, {
    details: { status: reply.status, path: reply.path },
  });
};

export const header = (reply: Reply, name: string): string | null => {
  const value = reply.headers[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined || first.trim() === "" ? null : first.trim();
};
