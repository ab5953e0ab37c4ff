import { Failure, type FailureCode } from "#contract/failures.ts";
import { codesOf, messagesOf, sayAll } from "./messages.ts";
import { header, type Reply } from "./reply.ts";

/**
 * What a refusal means, told by its status and by the last part of its message ids, never by texts or
 * registry versions (research of the vendors' behaviour: docs of the driver, "Errors").
 */

/**
 * The service says that it did not do it and may later: iDRAC not ready (SYS518 503, SWC0700 400), iLO in
 * POST or powered off (400), iDRAC 10 for a minute after power-off (409), virtual media held by a console.
 */
const notDoneYet = new Set([
  "SYS518",
  "SWC0700",
  "ResourceNotReadyRetry",
  "InvalidOperationForSystemState",
  "UnableToModifyDuringSystemPOST",
  "ActionParameterValueConflict",
  "VRM0021",
  "ServiceTemporarilyUnavailable",
]);

const outOfSessions = new Set([
  "RAC0218",
  "SessionLimitExceeded",
  "CreateLimitReachedForResource",
  "MaximumSessionLimitReached",
  "MaxSessionsReached",
]);

/** iLO refuses a login with 400 and this id. */
const badCredentials = new Set(["UnauthorizedLoginAttempt", "NoValidSession"]);

const licence = /licen[cs]e/i;

/** iDRAC refuses a power command with 409 and this id when the machine has the state, or is just reaching it. */
const alreadyThere = "PSU501";

export const codesIn = (reply: Reply): readonly string[] => codesOf(messagesOf(reply.body));

export const isNotDoneYet = (reply: Reply): boolean =>
  reply.status >= 400 && codesIn(reply).some((code) => notDoneYet.has(code));

export const saysAlreadyThere = (reply: Reply): boolean => codesIn(reply).includes(alreadyThere);

export const isOutOfSessions = (reply: Reply): boolean =>
  reply.status >= 400 && codesIn(reply).some((code) => outOfSessions.has(code));

export const mustChangePassword = (reply: Reply): boolean =>
  codesIn(reply).includes("PasswordChangeRequired");

/** What the service asks for in `Retry-After` (seconds or a date) or in MessageArgs; null when it does not. */
export const askedDelayMs = (reply: Reply, nowMs: number): number | null => {
  const value = header(reply, "retry-after");
  if (value !== null) {
    const seconds = Number(value);
    if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
    const at = Date.parse(value);
    if (!Number.isNaN(at)) return Math.max(0, at - nowMs);
  }
  const unavailable = messagesOf(reply.body).find(
    (message) => message.code === "ServiceTemporarilyUnavailable",
  );
  const seconds = Number(unavailable?.args[0]);
  return unavailable !== undefined && Number.isFinite(seconds) ? seconds * 1000 : null;
};

interface Meaning {
  readonly code: FailureCode;
  readonly lead: string;
  readonly reason: string;
}

const meaningOf = (reply: Reply, codes: readonly string[]): Meaning => {
  const { status } = reply;
  if (codes.includes("PasswordChangeRequired")) {
    return {
      code: "BMC_AUTH_FAILED",
      lead: "the BMC wants the account's password changed before it does anything else",
      reason: "password-change-required",
    };
  }
  if (status === 401 || codes.some((code) => badCredentials.has(code))) {
    return {
      code: "BMC_AUTH_FAILED",
      lead: "the BMC refused the credentials",
      reason: codes.some((code) => /locked/i.test(code)) ? "locked" : "credentials",
    };
  }
  if (codes.some((code) => licence.test(code))) {
    return {
      code: "BMC_UNSUPPORTED",
      lead: "the BMC has no licence for this",
      reason: "licence",
    };
  }
  if (status === 403) {
    return {
      code: "BMC_REJECTED",
      lead: "the BMC does not let this account do it",
      reason: "privilege",
    };
  }
  if (codes.some((code) => notDoneYet.has(code) || outOfSessions.has(code))) {
    return { code: "BMC_BUSY", lead: "the BMC is not ready for this", reason: "not-ready" };
  }
  if (status === 404 || status === 410) {
    return { code: "BMC_INVALID_RESPONSE", lead: "the BMC does not have it", reason: "not-found" };
  }
  if (status === 405 || status === 501) {
    return { code: "BMC_UNSUPPORTED", lead: "the BMC does not offer this", reason: "not-offered" };
  }
  if (status === 429 || status >= 500) {
    return { code: "BMC_BUSY", lead: "the BMC could not do it now", reason: "service" };
  }
  return { code: "BMC_REJECTED", lead: "the BMC refused it", reason: "refused" };
};

/** The failure that an answer with a status of 400 or more (or one that is no answer at all) stands for. */
export const refusal = (reply: Reply, nowMs: number): Failure => {
  const messages = messagesOf(reply.body);
  const codes = codesOf(messages);
  const { code, lead, reason } = meaningOf(reply, codes);
  const said = sayAll(messages);
  const retryAfterMs = askedDelayMs(reply, nowMs);
  return new Failure(
    code,
    `${lead}: ${reply.method} ${reply.path} answered ${reply.status}${said === "" ? "" : `. ${said}`}`,
    {
      details: { status: reply.status, messageIds: codes, path: reply.path, reason },
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    },
  );
};
