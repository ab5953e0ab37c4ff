/**
 * The one table of everything that can go wrong and is expected to. Retry and HTTP status follow from the
 * code, never from the place that throws it; a code is never renamed and never means something else later.
 *
 * - `http`: the status when a request ends with this code.
 * - `retry`: how the engine treats a step that fails with it. `no` ends the run's way forward at once. The
 *   others are retried: `soon` from 1 s doubling to 30 s, `slowly` from 5 s doubling to 2 min.
 * - `attempts`: how many times a step is tried at most, the first one included.
 * - `isWaitedOut`: a step that polls goes on in spite of it until its deadline. So it is where many hang on what does not answer,
 *   which comes back; whether a single machine does is a person's to say.
 * - `undo`: an undo that fails with it is retried so for as long as an undo is, though a step is not: what a person took away can be
 *   given back, and a world that is left half-changed is the worst of all ends. Where left out, an undo is retried as a step is.
 * - `mover`: who has to act before the same request can succeed.
 * - `title`: one sentence for a person who meets the code for the first time.
 */
export interface CodeRow {
  readonly http: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
  readonly retry: "no" | "soon" | "slowly";
  readonly attempts: number;
  readonly isWaitedOut?: true;
  readonly undo?: "slowly";
  readonly mover: "caller" | "operator" | "millwright";
  readonly title: string;
}

export const codes = {
  VALIDATION_ERROR: {
    http: 400,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title:
      "The request does not have the documented form; details.fields names each field and reason.",
  },
  UNAUTHORIZED: {
    http: 401,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "No valid API key was sent.",
  },
  FORBIDDEN: {
    http: 403,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The caller may not do this.",
  },
  QUOTA_EXCEEDED: {
    http: 403,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The project has used up its quota.",
  },
  NOT_FOUND: {
    http: 404,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "There is no such thing, or the caller may not see it.",
  },
  METHOD_NOT_ALLOWED: {
    http: 405,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The path exists, but not with this method; the Allow header lists those it has.",
  },
  CONFLICT: {
    http: 409,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "Another run or request holds what this one needs; details says which.",
  },
  INVALID_STATE_TRANSITION: {
    http: 409,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title:
      "The resource or run is in a state that does not allow this; details says what would be allowed.",
  },
  POOL_CAPACITY_EXCEEDED: {
    http: 409,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The pool has fewer free servers than are needed.",
  },
  PAST_PIVOT: {
    http: 409,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The run has passed its point of no return and can no longer be cancelled.",
  },
  PAYLOAD_TOO_LARGE: {
    http: 413,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The body is larger than the documented limit.",
  },
  UNSUPPORTED_MEDIA_TYPE: {
    http: 415,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The body's content type is not one that this path takes.",
  },
  IDEMPOTENCY_KEY_REUSED: {
    http: 422,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The idempotency key was used before with a different request.",
  },
  RATE_LIMITED: {
    http: 429,
    retry: "soon",
    attempts: 8,
    mover: "caller",
    title: "Too many requests; try again after Retry-After.",
  },
  INTERNAL_ERROR: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "millwright",
    title:
      "Millwright met something it does not know how to handle; the log has the cause under the request id.",
  },
  UNAVAILABLE: {
    http: 503,
    retry: "soon",
    attempts: 8,
    isWaitedOut: true,
    mover: "operator",
    title:
      "A part that Millwright needs (its database, its engine) does not answer; try again after Retry-After.",
  },

  BMC_CONNECTION_FAILED: {
    http: 500,
    retry: "slowly",
    attempts: 6,
    mover: "operator",
    title: "The BMC did not answer: unreachable, too slow, or it broke the connection.",
  },
  BMC_AUTH_FAILED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title:
      "The BMC refused the user name or password; it is not tried again, because BMCs lock accounts.",
  },
  BMC_CERTIFICATE_CHANGED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The BMC shows another certificate than the pinned one; nothing was sent to it.",
  },
  BMC_REJECTED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The BMC understood the request and refused it; its own words are in the message.",
  },
  BMC_BUSY: {
    http: 500,
    retry: "slowly",
    attempts: 10,
    mover: "operator",
    title: "The BMC is not ready (booting, out of sessions, in POST) and asked to be tried later.",
  },
  BMC_TASK_FAILED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "A task that the BMC accepted ended badly.",
  },
  BMC_INVALID_RESPONSE: {
    http: 500,
    retry: "slowly",
    attempts: 4,
    mover: "operator",
    title: "What answered is not a Redfish service, or its answer cannot be read.",
  },
  BMC_UNSUPPORTED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The BMC does not offer what this step needs.",
  },
  POWER_STATE_MISMATCH: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The machine did not reach the power state that the BMC was asked for.",
  },
  DUPLICATE_SERVER: {
    http: 409,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "This machine is registered already; details.serverId names it.",
  },
  IMAGE_UNREACHABLE: {
    http: 500,
    retry: "soon",
    attempts: 4,
    mover: "caller",
    title: "The image cannot be fetched from its URL.",
  },
  IMAGE_INVALID: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The image's URL answers, but not with a usable image, or its checksum differs.",
  },
  PROVISIONING_FAILED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The installation did not end well.",
  },
  ERASE_FAILED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The disks could not be proven erased.",
  },
  KUBERNETES_UNAVAILABLE: {
    http: 500,
    retry: "slowly",
    attempts: 8,
    isWaitedOut: true,
    mover: "operator",
    title: "The management cluster does not answer, or does not know us at the moment.",
  },
  KUBERNETES_REJECTED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The management cluster refused the object.",
  },
  KUBERNETES_FORBIDDEN: {
    http: 500,
    retry: "no",
    attempts: 1,
    undo: "slowly",
    mover: "operator",
    title:
      "The management cluster does not allow it: its role, a quota or a webhook there forbids.",
  },
  STEP_TIMEOUT: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "The step did not end within its deadline.",
  },
  CHILD_RUN_FAILED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title: "A run that this one started did not complete.",
  },
  RUN_CANCELLED: {
    http: 409,
    retry: "no",
    attempts: 1,
    mover: "caller",
    title: "The run was cancelled while this step was under way.",
  },
  RUN_LIMIT_EXCEEDED: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "operator",
    title:
      "The run reached a limit (events, payload, lost attempts) that keeps one run from harming the others.",
  },
  LOST_ENGINE_RUN: {
    http: 500,
    retry: "no",
    attempts: 1,
    mover: "millwright",
    title: "The process that ran this step died too many times.",
  },
} as const satisfies Record<string, CodeRow>;

export type FailureCode = keyof typeof codes;

export const failureCodes = Object.keys(codes) as [FailureCode, ...FailureCode[]];

export const rowOf = (code: FailureCode): CodeRow => codes[code];

export interface FailureOptions {
  /** Facts for a program: field names, ids, numbers. Never a secret; shown to the caller. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What was caught; kept whole for the log and never shown to a caller. */
  readonly cause?: unknown;
  /** How long the other side asked to be left alone, in ms; overrides the table's first back-off. */
  readonly retryAfterMs?: number;
}

/**
 * An expected failure as data. Never subclassed, never matched by its message: the code says what happened,
 * the message says it to a person (and is safe to show), details say it to a program. Anything else that is
 * thrown is a bug and becomes INTERNAL_ERROR.
 */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: FailureCode, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whatever was thrown, as a Failure. A stranger becomes INTERNAL_ERROR and keeps its cause for the log. */
export const toFailure = (thrown: unknown): Failure =>
  thrown instanceof Failure
    ? thrown
    : new Failure("INTERNAL_ERROR", "an unexpected error; the log has the cause", {
        cause: thrown,
      });
