import type { IncomingHttpHeaders } from "node:http";
import { type Agent, request } from "node:https";
import { Failure } from "#contract/failures.ts";
import type { Origin } from "#drivers/redfish/address.ts";
import { brokenCall } from "./broken-call.ts";

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Outgoing {
  readonly origin: Origin;
  readonly method: string;
  /** The request target, sent byte for byte. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface Limits {
  readonly readMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** One request and its whole answer. Throws BMC_CONNECTION_FAILED or BMC_INVALID_RESPONSE (too large, not HTTP). */
export const exchange = (agent: Agent, outgoing: Outgoing, limits: Limits): Promise<RawReply> =>
  new Promise((resolve, reject) => {
    const { origin, method, target, body } = outgoing;
    const { readMs, maxBytes, signal } = limits;
    if (signal.aborted) {
      reject(brokenCall("aborted", origin.name));
      return;
    }
    const call = request({
      agent,
      host: origin.host,
      port: origin.port,
      method,
      path: target,
      headers: {
        ...outgoing.headers,
        ...(body === null ? {} : { "Content-Length": Buffer.byteLength(body) }),
      },
    });
    let timer: NodeJS.Timeout | undefined;
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const fail = (why: Failure | Error): void =>
      settle(() => {
        call.destroy();
        reject(brokenCall(why, origin.name));
      });
    const onAbort = (): void => fail(brokenCall("aborted", origin.name));
    signal.addEventListener("abort", onAbort, { once: true });
    // The agent hands the socket over when it is trusted; from here on the answer has its time.
    call.once("socket", () => {
      timer = setTimeout(() => fail(brokenCall("timeout", origin.name)), readMs);
    });
    call.on("error", fail);
    call.once("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > maxBytes) {
          fail(
            new Failure("BMC_INVALID_RESPONSE", `the answer to ${target} is too large to be read`, {
              details: { reason: "too-large", maxBytes, path: target },
            }),
          );
        }
      });
      response.once("error", fail);
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
