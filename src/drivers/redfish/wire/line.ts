import { Failure } from "#contract/failures.ts";
import { type Origin, sameOriginTarget } from "#drivers/redfish/address.ts";
import type { BmcRef } from "#drivers/ports.ts";
import { maxBodyBytes, type Timeouts } from "#drivers/redfish/options.ts";
import type { Log } from "#platform/log.ts";
import { bodyOf, header, type Method, type Reply } from "#drivers/redfish/reply.ts";
import { exchange } from "./exchange.ts";
import { TrustingAgent } from "./trust.ts";

export interface Request {
  readonly method: Method;
  readonly target: string;
  /** Sent as JSON; undefined for no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LineOptions {
  readonly origin: Origin;
  readonly tls: BmcRef["tls"];
  readonly timeouts: Timeouts;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const maxRedirects = 3;
const redirects = new Set([301, 302, 303, 307, 308]);

/** Compression makes ETags weak; without OData-Version some services answer 412 or an older form. */
const constantHeaders = {
  Accept: "application/json",
  "Accept-Encoding": "identity",
  "OData-Version": "4.0",
  "User-Agent": "millwright",
};

/**
 * The connections of one operation to one BMC. Reads share a kept connection; it does not outlive the
 * operation, because BMCs drop idle ones without notice. A write always has a fresh one: when a reused
 * connection breaks nobody can tell whether the write was done.
 */
export class Line {
  readonly #options: LineOptions;
  readonly #kept: TrustingAgent;
  readonly #fresh: TrustingAgent;
  readonly #seen: { fingerprint256: string | null } = { fingerprint256: null };

  constructor(options: LineOptions) {
    this.#options = options;
    const trust = {
      origin: options.origin,
      tls: options.tls,
      connectMs: options.timeouts.connectMs,
      signal: options.signal,
      seen: this.#seen,
    };
    this.#kept = new TrustingAgent(trust, { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
    this.#fresh = new TrustingAgent(trust, { keepAlive: false });
  }

  get fingerprint256(): string | null {
    return this.#seen.fingerprint256;
  }

  /** One request, redirects on the same host and port followed with method and body kept (DSP0266; iLO 308, sushy-tools 307). */
  async send(request: Request): Promise<Reply> {
    const { origin, timeouts, log, signal } = this.#options;
    const { method } = request;
    let { target } = request;
    for (let hops = 0; ; hops += 1) {
      const body = request.body === undefined ? null : JSON.stringify(request.body);
      const raw = await exchange(
        method === "GET" ? this.#kept : this.#fresh,
        {
          origin,
          method,
          target,
          headers: {
            ...constantHeaders,
            ...(body === null ? {} : { "Content-Type": "application/json" }),
            ...request.headers,
          },
          body,
        },
        { readMs: timeouts.readMs, maxBytes: maxBodyBytes, signal },
      );
      const reply: Reply = { ...raw, method, path: target, body: bodyOf(raw.text) };
      log("debug", "bmc.call", { bmc: origin.name, method, path: target, status: raw.status });
      const location = header(reply, "location");
      if (!redirects.has(raw.status) || location === null) return reply;
      const next = sameOriginTarget(origin, target, location);
      if (next === null || hops === maxRedirects) {
        throw new Failure(
          "BMC_INVALID_RESPONSE",
          next === null
            ? "the BMC sends us to another host, where its credentials must not go"
            : "the BMC sends us round in circles",
          { details: { status: raw.status, path: target, reason: "redirect" } },
        );
      }
      target = next;
    }
  }

  close(): void {
    this.#kept.destroy();
    this.#fresh.destroy();
  }
}
