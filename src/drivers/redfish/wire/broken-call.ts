import { Failure } from "#contract/failures.ts";

/**
 * Why a call got no whole answer; stands in `details.reason` of BMC_CONNECTION_FAILED.
 *
 * - `refused`: nothing was sent, because nothing listens there.
 * - `unreachable`: no route, no such name; nothing was sent.
 * - `timeout`, `reset`: what became of a request that was sent is unknown.
 * - `tls`: the handshake failed, or (mode `ca`) the certificate is not trusted; no request was sent.
 * - `aborted`: the caller stopped it.
 */
export type BrokenReason = "refused" | "unreachable" | "timeout" | "reset" | "tls" | "aborted";

const words: Record<BrokenReason, string> = {
  refused: "refused the connection",
  unreachable: "cannot be reached",
  timeout: "did not answer in time",
  reset: "broke the connection",
  tls: "could not agree on a secure connection",
  aborted: "was not waited for: the call was stopped",
};

const reasonOf = (error: Error): BrokenReason => {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  switch (code) {
    case "ECONNREFUSED":
      return "refused";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EADDRNOTAVAIL":
      return "unreachable";
    case "ETIMEDOUT":
      return "timeout";
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
      return "reset";
    default:
      // OpenSSL and certificate errors have many codes; what is left after the socket's own are theirs.
      return /^(?:ERR_|EPROTO|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/.test(code) ? "tls" : "reset";
  }
};

/** The failure for a call that ended without an answer. An error of the HTTP parser is an answer: a wrong one. */
export const brokenCall = (why: BrokenReason | Error, address: string): Failure => {
  if (why instanceof Failure) return why;
  if (why instanceof Error && "code" in why && String(why.code).startsWith("HPE_")) {
    return new Failure("BMC_INVALID_RESPONSE", "what answered does not speak HTTP", {
      details: { address, reason: "http" },
      cause: why,
    });
  }
  const reason = why instanceof Error ? reasonOf(why) : why;
  return new Failure("BMC_CONNECTION_FAILED", `the BMC ${words[reason]}`, {
    details: { address, reason },
    ...(why instanceof Error ? { cause: why } : {}),
  });
};
