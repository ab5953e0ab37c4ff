import { type Agent, type IncomingHttpHeaders, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { brokenCall, invalidAnswer } from "./unavailable.ts";

/** A whole answer, whatever its status. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  /** `user:password` of basic authentication. */
  readonly auth: string | null;
  readonly body: string | null;
}

export interface Limits {
  readonly callMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** A server closes idle connections when it likes; one that had closed before the request came says nothing about the request. */
const wasStale = (error: Error, reused: boolean): boolean =>
  reused && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");

/** One request and its whole answer, within `callMs`. Throws KUBERNETES_UNAVAILABLE. */
export const exchange = async (outgoing: Outgoing, limits: Limits): Promise<RawAnswer> => {
  const deadline = AbortSignal.timeout(limits.callMs);
  for (;;) {
    const answer = await once(outgoing, limits, deadline);
    if (answer !== "stale") return answer;
  }
};

const once = (
  outgoing: Outgoing,
  { maxBytes, signal, callMs }: Limits,
  deadline: AbortSignal,
): Promise<RawAnswer | "stale"> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(brokenCall("aborted"));
      return;
    }
    const { method, url, agent, headers, auth, body } = outgoing;
    const request = url.protocol === "http:" ? httpRequest : httpsRequest;
    const call = request(url, {
      agent,
      method,
      ...(auth === null ? {} : { auth }),
      headers: {
        ...headers,
        // Node sends none with a DELETE unless told, and its body would be taken for the next request.
        ...(body === null ? {} : { "Content-Length": Buffer.byteLength(body) }),
      },
    });
    const settle = (act: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      deadline.removeEventListener("abort", onDeadline);
      act();
    };
    const fail = (why: Parameters<typeof brokenCall>[0]): void =>
      settle(() => {
        call.destroy();
        if (why instanceof Error && wasStale(why, call.reusedSocket)) resolve("stale");
        else reject(brokenCall(why));
      });
    const onAbort = (): void => fail("aborted");
    const onDeadline = (): void => fail("timeout");
    signal.addEventListener("abort", onAbort, { once: true });
    deadline.addEventListener("abort", onDeadline, { once: true });
    call.on("error", fail);
    call.once("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > maxBytes) {
          fail(
            invalidAnswer(`the answer to ${method} ${url.pathname} is too large to be read`, {
              details: { maxBytes, callMs },
            }),
          );
        }
      });
      response.once("error", () => fail("reset"));
      response.once("end", () =>
        settle(() =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          }),
        ),
      );
    });
    call.end(body ?? undefined);
  });
