import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Failure } from "#contract/failures.ts";
import type { ReadOptions } from "#drivers/ports.ts";

/** How an image's server is asked, whatever for: which addresses are followed, and what each answer means. */

export interface RequestOptions extends ReadOptions {
  /** For one request, from the first packet to the headers of its answer. */
  readonly timeoutMs: number;
}

export interface Question {
  readonly method: "HEAD" | "GET";
  readonly headers?: Readonly<Record<string, string>>;
}

/** The head of an answer, and where it came from in the end. Whoever has it must destroy `response`. */
export interface Answer {
  readonly url: URL;
  readonly response: IncomingMessage;
}

const maxRedirects = 5;

const schemes = new Set(["http:", "https:"]);

/** Only what the address itself says is shown: a query or user name may hold a secret. */
const shown = (url: URL): string => `${url.origin}${url.pathname}`;

export const invalid = (url: URL | string, why: string, details: object = {}): Failure =>
  new Failure(
    "IMAGE_INVALID",
    `the image ${typeof url === "string" ? "" : `at ${shown(url)} `}${why}`,
    { details: { ...details } },
  );

export const unreachable = (url: URL, why: string, cause: unknown): Failure =>
  new Failure("IMAGE_UNREACHABLE", `the image at ${shown(url)} ${why}`, {
    details: { reason: reasonOf(cause) },
    cause,
  });

const reasonOf = (cause: unknown): unknown => {
  if (!(cause instanceof Error)) return null;
  return "code" in cause ? cause.code : cause.name;
};

/** The address as it may be asked. Throws IMAGE_INVALID. */
export const imageUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !schemes.has(url.protocol)) {
    throw invalid(text, "has no http or https address");
  }
  return url;
};

/** One request, up to the head of its answer. */
const ask = (
  url: URL,
  { method, headers = {} }: Question,
  { signal, timeoutMs }: RequestOptions,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const call = send(url, {
      method,
      agent: false,
      signal: AbortSignal.any([signal, late.signal]),
      headers: { "User-Agent": "millwright", "Accept-Encoding": "identity", ...headers },
    });
    call.once("error", (cause) => {
      clearTimeout(timer);
      const isLate = late.signal.aborted || signal.aborted;
      reject(unreachable(url, isLate ? "does not answer in time" : "cannot be fetched", cause));
    });
    call.once("response", (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    call.end();
  });

/** Where a redirect leads. Only http and https are followed, and never from https to http. */
export const nextUrl = (from: URL, location: string): URL => {
  if (!URL.canParse(location, from.href)) throw invalid(from, "redirects to no address");
  const next = new URL(location, from);
  if (!schemes.has(next.protocol) || (from.protocol === "https:" && next.protocol === "http:")) {
    throw invalid(from, `redirects to ${next.protocol}//, which is not followed`);
  }
  return next;
};

/** Follows redirects between http and https; a BMC follows few or none, but the image is there. */
export const follow = async (
  from: URL,
  question: Question,
  options: RequestOptions,
): Promise<Answer> => {
  let url = from;
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const response = await ask(url, question, options);
    const { location } = response.headers;
    const status = response.statusCode ?? 0;
    if (status < 300 || status >= 400 || location === undefined) return { url, response };
    response.destroy();
    url = nextUrl(url, location);
  }
  throw invalid(from, "redirects too often", { maxRedirects });
};

/** How long the image is, null when the answer does not tell. */
export const sizeOf = ({ statusCode, headers }: IncomingMessage): number | null => {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
  const text = statusCode === 206 ? total : headers["content-length"];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
};

/** Throws what this answer stands for, unless it is an image's. */
export const judge = ({ url, response }: Answer): void => {
  const { statusCode: status = 0, headers } = response;
  const details = { status };
  if (status === 429 || status >= 500) {
    throw new Failure("IMAGE_UNREACHABLE", `the image at ${shown(url)} answers ${status}`, {
      details,
    });
  }
  if (status !== 200 && status !== 206) throw invalid(url, `answers ${status}`, details);
  if (/^text\/html\b/i.test(headers["content-type"] ?? "")) {
    throw invalid(url, "is a web page, not an image", details);
  }
  if (sizeOf(response) === 0) throw invalid(url, "is empty", details);
};
