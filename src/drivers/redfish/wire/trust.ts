import { Agent, type AgentOptions } from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { Failure } from "#contract/failures.ts";
import type { BmcRef } from "#drivers/ports.ts";
import type { Origin } from "#drivers/redfish/address.ts";
import { brokenCall } from "./broken-call.ts";

/**
 * TLS to a BMC. Their certificates are self-signed, name no address and are often expired, so the usual
 * verification is of no use; trust is the SHA-256 of the certificate itself, compared when the handshake ends
 * and before the socket is handed to the HTTP client: on a mismatch not one byte of HTTP is sent. (A check in
 * `checkServerIdentity` would do nothing: Node does not call it for a self-signed certificate once
 * `rejectUnauthorized` is off.)
 */
export interface Trust {
  readonly origin: Origin;
  readonly tls: BmcRef["tls"];
  readonly connectMs: number;
  readonly signal: AbortSignal;
  /**
   * The fingerprint of the certificate that was shown, null before the first connection. Shared by all agents of
   * an operation: without a pin, what the first connection showed is the pin of the others.
   */
  readonly seen: { fingerprint256: string | null };
}

const sameFingerprint = (a: string, b: string): boolean =>
  a.replaceAll(":", "").toLowerCase() === b.replaceAll(":", "").toLowerCase();

export class TrustingAgent extends Agent {
  readonly #trust: Trust;

  constructor(trust: Trust, options: AgentOptions) {
    super(options);
    this.#trust = trust;
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): null {
    void this.#handOver(callback);
    return null;
  }

  async #handOver(callback?: (error: Error | null, stream: Duplex) => void): Promise<void> {
    const opened = await this.#open().catch((error: Error) => error);
    // Node's type wants a stream beside the error; the agent never looks at it then.
    if (opened instanceof Error) callback?.(opened, undefined as unknown as Duplex);
    else callback?.(null, opened);
  }

  #open(): Promise<TLSSocket> {
    const { origin, tls, connectMs, signal } = this.#trust;
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(brokenCall("aborted", origin.name));
        return;
      }
      const socket = connect({
        host: origin.host,
        port: origin.port,
        ...(isIP(origin.host) === 0 ? { servername: origin.host } : {}),
        rejectUnauthorized: tls.mode === "ca",
        ALPNProtocols: ["http/1.1"],
      });
      const end = (error: Error): void => {
        stop();
        socket.destroy();
        reject(error);
      };
      const onAbort = (): void => end(brokenCall("aborted", origin.name));
      const timer = setTimeout(() => end(brokenCall("timeout", origin.name)), connectMs);
      const stop = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      socket.once("error", (error) => end(brokenCall(error, origin.name)));
      socket.once("close", () => end(brokenCall("reset", origin.name)));
      socket.once("secureConnect", () => {
        stop();
        const refused = this.#judge(socket.getPeerCertificate().fingerprint256);
        if (refused !== null) {
          end(refused);
          return;
        }
        socket.removeAllListeners("error");
        socket.removeAllListeners("close");
        resolve(socket);
      });
    });
  }

  /** Null when the certificate may be trusted. */
  #judge(shown: string | undefined): Failure | null {
    const { tls, origin, seen } = this.#trust;
    const fingerprint = shown ?? "";
    const pinned = tls.mode === "pin" ? (tls.fingerprint256 ?? seen.fingerprint256) : null;
    if (pinned !== null && !sameFingerprint(pinned, fingerprint)) {
      return new Failure(
        "BMC_CERTIFICATE_CHANGED",
        "the BMC shows another certificate than the pinned one; nothing was sent to it",
        { details: { address: origin.name, pinned, shown: fingerprint } },
      );
    }
    seen.fingerprint256 = fingerprint;
    return null;
  }
}
