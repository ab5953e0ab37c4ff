import { type Agent, type IncomingHttpHeaders, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { endedBy, onEnd, type Patience } from "./patience.ts";
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

export interface Limits extends Patience {
  readonly maxBytes: number;
}

/** A server closes idle connections when it likes; one that had closed before the request came says nothing about the request. */
const wasStale = (error: Error, reused: boolean): boolean =>
  reused && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");

/** One request and its whole answer. Throws KUBERNETES_UNAVAILABLE. */
export const exchange = async (outgoing: Outgoing, limits: Limits): Promise<RawAnswer> => {
  for (;;) {
    const answer = await once(outgoing, limits);
    if (answer !== "stale") return answer;
  }
};

const once = (
  outgoing: Outgoing,
  { maxBytes, ...patience }: Limits,
): Promise<RawAnswer | "stale"> =>
  new Promise((resolve, reject) => {
    const ended = endedBy(patience);
    if (ended !== null) {
      reject(brokenCall(ended));
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
      forget();
      act();
    };
    const fail = (why: Parameters<typeof brokenCall>[0]): void =>
      settle(() => {
        call.destroy();
        if (why instanceof Error && wasStale(why, call.reusedSocket)) resolve("stale");
        else reject(brokenCall(why));
      });
    const forget = onEnd(patience, fail);
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
              details: { maxBytes },
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
