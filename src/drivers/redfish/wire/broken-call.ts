import { Failure } from "#contract/failures.ts";
import { type BrokenReason, brokenReasonOf, brokenWords, isNoHttp } from "#platform/broken-call.ts";

/** The failure for a call that ended without an answer: why stands in `details.reason`. What is no HTTP is an answer, a wrong one. */
export const brokenCall = (why: BrokenReason | Error, address: string): Failure => {
  if (why instanceof Failure) return why;
  if (why instanceof Error && isNoHttp(why)) {
    return new Failure("BMC_INVALID_RESPONSE", "what answered does not speak HTTP", {
      details: { address, reason: "http" },
      cause: why,
    });
  }
  const reason = why instanceof Error ? brokenReasonOf(why) : why;
  return new Failure("BMC_CONNECTION_FAILED", `the BMC ${brokenWords[reason]}`, {
    details: { address, reason },
    ...(why instanceof Error ? { cause: why } : {}),
  });
};
