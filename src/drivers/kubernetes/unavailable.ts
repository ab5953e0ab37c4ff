import { Failure } from "#contract/failures.ts";

/**
 * Why a management cluster gave no usable answer; stands in `details.reason` of KUBERNETES_UNAVAILABLE.
 *
 * - `refused`, `unreachable`, `tls`: nothing was sent.
 * - `timeout`, `reset`: what became of a request that was sent is unknown; every verb may be repeated.
 * - `turn`: our own other calls took all turns.
 * - `aborted`: the caller stopped it.
 * - `invalid-answer`: what came is not what a Kubernetes API server answers.
 * - anything else: the reason in the server's own Status (`TooManyRequests`, `ServiceUnavailable`, `Expired` …).
 */
const words = {
  refused: "refused the connection",
  unreachable: "cannot be reached",
  timeout: "did not answer in time",
  reset: "broke the connection",
  tls: "could not agree on a secure connection",
  aborted: "was not waited for: the call was stopped",
} as const;

export type BrokenReason = keyof typeof words;

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
    default:
      // OpenSSL and certificate errors have many codes; sockets have few, and they begin otherwise.
      return /^(?:ERR_SSL|ERR_TLS|EPROTO|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/.test(code)
        ? "tls"
        : "reset";
  }
};

/** The failure for a call that ended without a whole answer. */
export const brokenCall = (why: BrokenReason | Error): Failure => {
  if (why instanceof Failure) return why;
  if (why instanceof Error && "code" in why && String(why.code).startsWith("HPE_")) {
    return invalidAnswer("what answered does not speak HTTP", { cause: why });
  }
  const reason = why instanceof Error ? reasonOf(why) : why;
  return new Failure("KUBERNETES_UNAVAILABLE", `the management cluster ${words[reason]}`, {
    details: { reason },
    ...(why instanceof Error ? { cause: why } : {}),
  });
};

/** The failure for an answer that is not what was asked for. */
export const invalidAnswer = (
  message: string,
  more: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): Failure =>
  new Failure("KUBERNETES_UNAVAILABLE", message, {
    details: { reason: "invalid-answer", ...more.details },
    ...(more.cause === undefined ? {} : { cause: more.cause }),
  });
