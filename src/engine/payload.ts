import { Failure } from "#contract/failures.ts";
import { limits } from "./limits.ts";

/** Whether a value is too large for the journal; undefined, which is not written, never is. */
export const isTooLarge = (payload: unknown): boolean =>
  payload !== undefined && Buffer.byteLength(JSON.stringify(payload)) > limits.payloadBytes;

/** Throws RUN_LIMIT_EXCEEDED for what a step wants journalled and must not be: `what` names it in the message. */
export function refuseTooLarge(payload: unknown, what: string): void {
  if (isTooLarge(payload)) {
    throw new Failure(
      "RUN_LIMIT_EXCEEDED",
      `${what} is larger than ${limits.payloadBytes} bytes, more than the journal takes`,
    );
  }
}
