import { Failure, type FailureCode, type FailureOptions } from "#contract/failures.ts";
import { askedDelayMs, type Cause, statusOf, type Status } from "./answer.ts";
import type { RawAnswer } from "./exchange.ts";

/**
 * What a refusal means, told by its status and reason as a real API server gives them. `details.reason` is the Status' own reason, or the
 * nearest word where there is none. Two things have no field of their own and are read from the text that the API server's code writes:
 * which manager owns a field, and that an applied field is unknown (a 500).
 */

/** Who owns the field that an apply wants (`conflict with "kubectl" using v1`). */
const managerOf = ({ message }: Cause): string | null =>
  /conflict with "([^"]*)"/.exec(message)?.[1] ?? null;

const unknownField = /field not declared in schema/;

const fieldConflicts = (status: Status | null): readonly Cause[] =>
  (status?.details.causes ?? []).filter(({ reason }) => reason === "FieldManagerConflict");

/** A question or command as it stands in messages: `PATCH Cluster demo/prod`. */
export interface Asked {
  readonly what: string;
  readonly answer: RawAnswer;
  readonly nowMs: number;
}

/** The failure that an answer with any status but 2xx stands for. */
export const refusal = ({ what, answer, nowMs }: Asked): Failure => {
  const status = statusOf(answer);
  const said = status?.message ?? "";
  const make = (code: FailureCode, lead: string, reason: string, more: object = {}): Failure =>
    new Failure(
      code,
      `${lead}: ${what} answered ${answer.status}${said === "" ? "" : `. ${said}`}`,
      {
        details: { status: answer.status, reason, ...more },
        ...retryOf(code, answer, nowMs),
      },
    );
  const causes = (status?.details.causes ?? []).map(({ field, message, reason }) => ({
    field,
    message,
    reason,
  }));

  switch (answer.status) {
    case 401:
      // Fresh ones were not accepted either. An authenticator that fails says the same as one that knows us no more.
      return make("KUBERNETES_UNAVAILABLE", "our credentials are not accepted", "Unauthorized");
    case 403:
      return make("KUBERNETES_FORBIDDEN", "it is not allowed", status?.reason || "Forbidden", {
        causes,
      });
    case 404:
      // Plain text: the path itself is unknown, so whoever brings this kind is not installed.
      return status === null
        ? make("KUBERNETES_REJECTED", "the management cluster does not serve this", "not-served")
        : make("KUBERNETES_REJECTED", "it is not there", status.reason || "NotFound");
    case 409: {
      const owned = fieldConflicts(status).map((cause) => ({
        field: cause.field,
        manager: managerOf(cause),
      }));
      if (owned.length > 0) {
        return make("CONFLICT", "another manager owns a field", "FieldManagerConflict", {
          causes: owned,
        });
      }
      return make("CONFLICT", "it collides with another write", status?.reason || "Conflict");
    }
    case 410:
      return make("KUBERNETES_UNAVAILABLE", "the list has gone stale", status?.reason || "Expired");
    case 422:
      return make("KUBERNETES_REJECTED", "it is refused", status?.reason || "Invalid", { causes });
    default:
      break;
  }
  if (answer.status === 500 && unknownField.test(said)) {
    return make("KUBERNETES_REJECTED", "it has a field that is unknown there", "schema");
  }
  if (answer.status === 429 || answer.status >= 500) {
    return make("KUBERNETES_UNAVAILABLE", "it could not be done now", status?.reason || "service");
  }
  if (answer.status >= 400) {
    return make("KUBERNETES_REJECTED", "it is refused", status?.reason || "refused", { causes });
  }
  return make("KUBERNETES_UNAVAILABLE", "this is no answer of Kubernetes", "invalid-answer");
};

const retryOf = (code: FailureCode, answer: RawAnswer, nowMs: number): FailureOptions => {
  const retryAfterMs = code === "KUBERNETES_UNAVAILABLE" ? askedDelayMs(answer, nowMs) : null;
  return retryAfterMs === null ? {} : { retryAfterMs };
};

/** True for the refusal with this code and `details.reason`. */
export const isRefused = (error: unknown, code: FailureCode, reason: string): error is Failure =>
  error instanceof Failure && error.code === code && error.details?.["reason"] === reason;
