/** One cause of a refusal, as in `details.causes` of a Status. */
export interface Cause {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
}

/** What a Status says of the object that it is about. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural, as in the path; the kind for 422. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

interface Told {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails;
  /** Of the Status itself: a list that goes on after a 410. */
  readonly continue?: string;
}

/** What the API server says instead of doing what was asked: a `Status` of the API's conventions. */
export class Refusal extends Error {
  readonly code: number;
  /** Empty: none is told. */
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  readonly continueToken: string | undefined;

  constructor(told: Told) {
    super(told.message);
    this.code = told.code;
    this.reason = told.reason;
    this.details = told.details;
    this.continueToken = told.continue;
  }

  body(): Record<string, unknown> {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.continueToken === undefined ? {} : { continue: this.continueToken },
      status: "Failure",
      message: this.message,
      ...(this.reason === "" ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** Names a resource in messages: `baremetalhosts.metal3.io`, or `secrets` of the core group. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

export function resourceText({ group, plural }: ResourceName): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function about({ group, plural }: ResourceName, name: string): StatusDetails {
  return said({ name, group, kind: plural });
}

/** What is not known is left out, as Go leaves out empty texts. */
function said(details: { readonly name: string; readonly group: string; readonly kind: string }) {
  const known = Object.entries(details).filter(([, text]) => text !== "");
  return Object.fromEntries(known) as StatusDetails;
}

export function notFound(resource: ResourceName, name: string): Refusal {
  return new Refusal({
    code: 404,
    reason: "NotFound",
    message: `${resourceText(resource)} "${name}" not found`,
    details: about(resource, name),
  });
}

/** @param isDying what is there is being deleted: a later try may do. */
export function alreadyExists(resource: ResourceName, name: string, isDying = false): Refusal {
  return new Refusal({
    code: 409,
    reason: "AlreadyExists",
    message: `${isDying ? "object is being deleted: " : ""}${resourceText(resource)} "${name}" already exists`,
    details: about(resource, name),
  });
}

export function conflict(
  resource: ResourceName,
  name: string,
  message: string,
  causes?: readonly Cause[],
): Refusal {
  return new Refusal({
    code: 409,
    reason: "Conflict",
    message,
    details: { ...about(resource, name), ...(causes === undefined ? {} : { causes }) },
  });
}

/** @param kind `Kind` and group of the object, as the validation of the real server names it. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly Cause[],
): Refusal {
  const told = causes.map(({ field, message }) =>
    field === undefined ? message : `${field}: ${message}`,
  );
  const text = told.length === 1 ? told.join("") : `[${told.join(", ")}]`;
  const kindText = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  return new Refusal({
    code: 422,
    reason: "Invalid",
    message: `${kindText} "${name}" is invalid: ${text}`,
    details: { ...said({ name, group: kind.group, kind: kind.kind }), causes },
  });
}

export function badRequest(message: string): Refusal {
  return new Refusal({ code: 400, reason: "BadRequest", message });
}

export function forbidden(
  resource: ResourceName,
  name: string,
  why: string,
  causes?: readonly Cause[],
): Refusal {
  const subject = name === "" ? resourceText(resource) : `${resourceText(resource)} "${name}"`;
  return new Refusal({
    code: 403,
    reason: "Forbidden",
    message: `${subject} is forbidden: ${why}`,
    details: { ...about(resource, name), ...(causes === undefined ? {} : { causes }) },
  });
}

export function unauthorized(): Refusal {
  return new Refusal({ code: 401, reason: "Unauthorized", message: "Unauthorized" });
}

/** 410. @param continueToken lets a list go on at a newer resourceVersion. */
export function expired(message: string, continueToken?: string): Refusal {
  return new Refusal({
    code: 410,
    reason: "Expired",
    message,
    ...(continueToken === undefined ? {} : { continue: continueToken }),
  });
}

export function tooLargeResourceVersion(asked: number, current: number): Refusal {
  return new Refusal({
    code: 504,
    reason: "Timeout",
    message: `Too large resource version: ${asked}, current: ${current}`,
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

/** 413, for a body that is longer than the server reads. */
export function requestEntityTooLarge(longestBytes: number): Refusal {
  return new Refusal({
    code: 413,
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: limit is ${longestBytes}`,
  });
}

export function unsupportedMediaType(message: string): Refusal {
  return new Refusal({ code: 415, reason: "UnsupportedMediaType", message });
}

export function methodNotAllowed(): Refusal {
  return new Refusal({
    code: 405,
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
    details: {},
  });
}

/** 405 of a custom resource, which its own handler answers. */
export function notSupported(resource: ResourceName, verb: string): Refusal {
  return new Refusal({
    code: 405,
    reason: "MethodNotAllowed",
    message: `${verb} is not supported on resources of kind "${resourceText(resource)}"`,
    details: about(resource, ""),
  });
}

/** 404 of a path below a group that the API server has built in, but for which it has nothing. */
export function noResource(): Refusal {
  return new Refusal({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
    details: {},
  });
}

/** 429, with how long to stay away. */
export function tooManyRequests(retryAfterSeconds: number): Refusal {
  return new Refusal({
    code: 429,
    reason: "TooManyRequests",
    message: "the server has received too many requests and has asked us to try again later",
    details: { retryAfterSeconds },
  });
}

export function unavailable(message: string): Refusal {
  return new Refusal({ code: 503, reason: "ServiceUnavailable", message });
}

/** 500 without a reason: what the API server makes of an error that none of its own words fit. */
export function unclassified(message: string): Refusal {
  return new Refusal({ code: 500, reason: "", message });
}

/** 409 of server-side apply: it says which fields, not which object. */
export function applyConflict(message: string, causes: readonly Cause[]): Refusal {
  return new Refusal({ code: 409, reason: "Conflict", message, details: { causes } });
}

/** 500, with what went wrong as its cause once more. */
export function internal(why: string): Refusal {
  return new Refusal({
    code: 500,
    reason: "InternalError",
    message: `Internal error occurred: ${why}`,
    details: { causes: [{ message: why }] },
  });
}
