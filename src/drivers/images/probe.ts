import { type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Failure } from "#contract/failures.ts";
import type { ImageFacts, ImagesPort } from "#drivers/ports.ts";

export interface ImagesOptions {
  /** For one request, from the first packet to the headers of its answer. */
  readonly timeoutMs: number;
}

interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

const maxRedirects = 5;

const schemes = new Set(["http:", "https:"]);

/** Only what the address itself says is shown: a query or user name may hold a secret. */
const shown = (url: URL): string => `${url.origin}${url.pathname}`;

const invalid = (url: URL | string, why: string, details: object = {}): Failure =>
  new Failure(
    "IMAGE_INVALID",
    `the image ${typeof url === "string" ? "" : `at ${shown(url)} `}${why}`,
    {
      details: { ...details },
    },
  );

/** One request of which only the head of the answer is wanted; the connection is closed whatever follows. */
const ask = (
  url: URL,
  method: "HEAD" | "GET",
  options: ImagesOptions & { readonly signal: AbortSignal },
): Promise<Head> =>
  new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const patience = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
    const call = send(url, {
      method,
      agent: false,
      signal: patience,
      headers: {
        "User-Agent": "millwright",
        "Accept-Encoding": "identity",
        ...(method === "GET" ? { Range: "bytes=0-0" } : {}),
      },
    });
    call.once("error", (cause) =>
      reject(
        new Failure(
          "IMAGE_UNREACHABLE",
          `the image at ${shown(url)} ${patience.aborted ? "does not answer in time" : "cannot be fetched"}`,
          { details: { reason: "code" in cause ? cause.code : cause.name }, cause },
        ),
      ),
    );
    call.once("response", (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
      // A server that ignores Range would send the whole image.
      response.destroy();
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
const follow = async (
  from: URL,
  method: "HEAD" | "GET",
  options: ImagesOptions & { readonly signal: AbortSignal },
): Promise<Head & { readonly url: URL }> => {
  let url = from;
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const head = await ask(url, method, options);
    const { location } = head.headers;
    if (head.status < 300 || head.status >= 400 || location === undefined) return { ...head, url };
    url = nextUrl(url, location);
  }
  throw invalid(from, "redirects too often", { maxRedirects });
};

const sizeOf = ({ status, headers }: Head): number | null => {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
  const text = status === 206 ? total : headers["content-length"];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
};

const judge = (url: URL, head: Head): void => {
  const { status, headers } = head;
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
  if (sizeOf(head) === 0) throw invalid(url, "is empty", details);
};

/** HEAD is refused by some object stores, whose signed addresses are good for GET alone. */
const refusesHead = new Set([400, 403, 404, 405, 501]);

/** See `ImagesPort.probe`. */
const probe = async (
  text: string,
  options: ImagesOptions & { readonly signal: AbortSignal },
): Promise<ImageFacts> => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !schemes.has(url.protocol)) {
    throw invalid(text, "has no http or https address");
  }
  const head = await follow(url, "HEAD", options);
  const told = head.status === 200 && sizeOf(head) !== null && "accept-ranges" in head.headers;
  if (told) {
    judge(head.url, head);
    return {
      url: text,
      sizeBytes: sizeOf(head),
      acceptsRanges: head.headers["accept-ranges"] === "bytes",
    };
  }
  if (head.status !== 200 && !refusesHead.has(head.status)) judge(head.url, head);
  // What HEAD left open (or refused) the first byte tells: whether there is a range, and how long the whole is.
  const first = await follow(url, "GET", options);
  judge(first.url, first);
  return {
    url: text,
    sizeBytes: sizeOf(first) ?? (head.status === 200 ? sizeOf(head) : null),
    acceptsRanges: first.status === 206,
  };
};

export const createImages = (options: Partial<ImagesOptions> = {}): ImagesPort => ({
  probe: (url, { signal }) => probe(url, { timeoutMs: 15_000, ...options, signal }),
});
