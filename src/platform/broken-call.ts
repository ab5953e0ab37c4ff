/**
 * Why a call over HTTP(S) got no whole answer, told by Node's error.
 *
 * - `refused`: nothing was sent, because nothing listens there.
 * - `unreachable`: no route, no such name; nothing was sent.
 * - `tls`: the handshake failed, or the certificate is not trusted; no request was sent.
 * - `timeout`, `reset`: what became of a request that was sent is unknown.
 * - `aborted`: the caller stopped it.
 */
export type BrokenReason = keyof typeof brokenWords;

/** What the other side did, after its name: `the BMC refused the connection`. */
export const brokenWords = {
  refused: "refused the connection",
  unreachable: "cannot be reached",
  timeout: "did not answer in time",
  reset: "broke the connection",
  tls: "could not agree on a secure connection",
  aborted: "was not waited for: the call was stopped",
} as const;

const codeOf = (error: Error): string =>
  "code" in error && typeof error.code === "string" ? error.code : "";

/** OpenSSL and certificate errors have many codes, and begin as no others do: streams and sockets have codes with `ERR_` too. */
const ofTls =
  /^(?:ERR_SSL|ERR_TLS|EPROTO|CERT_|CRL_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/;

/** `reset` where the code says nothing else: it is the reason that claims least. */
export function brokenReasonOf(error: Error): BrokenReason {
  const code = codeOf(error);
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
    default:
      return ofTls.test(code) ? "tls" : "reset";
  }
}

/** An error of the HTTP parser is an answer: a wrong one. */
export const isNoHttp = (error: Error): boolean => codeOf(error).startsWith("HPE_");
