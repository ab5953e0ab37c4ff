import { Failure } from "#contract/failures.ts";
import { type BrokenReason, brokenReasonOf, brokenWords, isNoHttp } from "#platform/broken-call.ts";

/**
 * Why a management cluster gave no usable answer stands in `details.reason` of KUBERNETES_UNAVAILABLE:
 *
 * - that of a broken call (`BrokenReason`); every verb may be repeated.
 * - `turn`: our own other calls took all turns.
 * - `credentials`: the program or service that gives us credentials did not.
 * - `Unauthorized`: our credentials are not accepted, though they are fresh.
 * - `invalid-answer`: what came is not what a Kubernetes API server answers.
 * - anything else: the reason in the server's own Status (`TooManyRequests`, `ServiceUnavailable`, `Expired` …).
 */

/** The failure for a call that ended without a whole answer. */
export const brokenCall = (why: BrokenReason | Error): Failure => {
  if (why instanceof Failure) return why;
  if (why instanceof Error && isNoHttp(why)) {
    return invalidAnswer("what answered does not speak HTTP", { cause: why });
  }
  const reason = why instanceof Error ? brokenReasonOf(why) : why;
  return new Failure("KUBERNETES_UNAVAILABLE", `the management cluster ${brokenWords[reason]}`, {
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
