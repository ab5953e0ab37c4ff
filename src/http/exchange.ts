import type { Context } from "hono";
import { Failure } from "#contract/failures.ts";
import { ADMIN_ROLE } from "./api-keys.ts";
import type { ApiDependencies, Caller } from "./dependencies.ts";
import { type Call, type Route, check } from "./endpoint.ts";
import { type Reply, type Stamp, answer, answerFailure, headersFor } from "./envelope.ts";
import type { ObserveRequest } from "./http-metrics.ts";
import { requestIdOf } from "./request-id.ts";
import { failureOf } from "./thrown.ts";

/**
 * One request and its answer. Every request goes the same way, in one place:
 *
 *   request id ─▶ key ─▶ path, query and body checked ─▶ handler ─▶ envelope ─▶ metrics and log
 *
 * and whatever is thrown on the way becomes the error envelope.
 */

export interface Serving {
  readonly deps: ApiDependencies;
  readonly observe: ObserveRequest;
  /** Aborts when the process stops serving. */
  readonly stop: AbortSignal;
}

const anonymous: Caller = { name: "anonymous", role: "none" };

/** RFC 6750: the scheme is case-insensitive and the token has no spaces. */
const bearer = /^bearer +([A-Za-z0-9._~+/=-]{1,512})$/i;
const traceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

async function callerOf(deps: ApiDependencies, headers: Headers): Promise<Caller> {
  const token = bearer.exec(headers.get("authorization") ?? "")?.[1];
  const caller = token === undefined ? null : await deps.auth(token);
  // Whoever made a key of a lesser role meant it to do less: nothing is safer than everything.
  if (caller !== null && caller.role !== ADMIN_ROLE)
    throw new Failure(
      "FORBIDDEN",
      `this API key has the role ${caller.role}, which may do nothing yet; use one of the role ${ADMIN_ROLE}`,
    );
  if (caller !== null) return caller;
  throw new Failure(
    "UNAUTHORIZED",
    token === undefined
      ? "send an API key as `Authorization: Bearer mk_…`"
      : "this API key is unknown or revoked",
  );
}

const requestIdFor = (deps: ApiDependencies, headers: Headers): string =>
  requestIdOf(headers.get("x-request-id"), { region: deps.region, now: deps.now() });

const searchOf = (url: string): URLSearchParams => {
  const start = url.indexOf("?");
  const end = url.indexOf("#");
  return new URLSearchParams(
    start === -1 ? "" : url.slice(start + 1, end === -1 ? undefined : end),
  );
};

type AnyCall = Call<object, object, unknown>;

async function callOf(
  { deps, stop }: Serving,
  { endpoint }: Route,
  { c, requestId }: { readonly c: Context; readonly requestId: string },
): Promise<AnyCall> {
  const { raw } = c.req;
  const caller = endpoint.access === "key" ? await callerOf(deps, raw.headers) : anonymous;
  const search = searchOf(c.req.url);
  const checked = await check(endpoint, { raw, params: c.req.param(), search });
  const trace = raw.headers.get("traceparent");
  return {
    ...checked,
    caller,
    requestId,
    by: {
      actor: caller.name,
      requestId,
      ...(trace !== null && traceparent.test(trace) && { trace }),
    },
    method: raw.method,
    path: c.req.path,
    search,
    headers: raw.headers,
    // Asking for the request's own signal costs a whole Request object, so only those who wait do.
    get signal() {
      return AbortSignal.any([raw.signal, stop]);
    },
  };
}

const MS_PER_SECOND = 1_000;

interface Outcome {
  readonly requestId: string;
  readonly startedAt: number;
  readonly route: string;
  readonly response: Response;
  readonly caller?: string;
  readonly failure?: Failure;
}

/** A line for every change and every fault, at debug for reads; metrics for all. */
function report({ deps, observe }: Serving, c: Context, outcome: Outcome): Response {
  const { response, route, failure } = outcome;
  const { method } = c.req;
  const ms = performance.now() - outcome.startedAt;
  observe({ method, route, status: response.status }, ms / MS_PER_SECOND);
  const fields = {
    requestId: outcome.requestId,
    method,
    route,
    status: response.status,
    durationMs: Math.round(ms * 10) / 10,
    ...(outcome.caller !== undefined && { caller: outcome.caller }),
    ...(failure !== undefined && { code: failure.code }),
  };
  if (failure !== undefined && response.status >= 500)
    deps.log("error", "http request failed", { ...fields, error: failure.cause ?? failure });
  else deps.log(method === "GET" || method === "HEAD" ? "debug" : "info", "http request", fields);
  return response;
}

const isReply = (result: Reply | Response): result is Reply => !(result instanceof Response);

export async function serveRoute(serving: Serving, route: Route, c: Context): Promise<Response> {
  const { deps } = serving;
  const startedAt = performance.now();
  const requestId = requestIdFor(deps, c.req.raw.headers);
  const stamp = (): Stamp => ({ requestId, now: deps.now() });
  const outcome = { requestId, startedAt, route: route.endpoint.path };
  try {
    const call = await callOf(serving, route, { c, requestId });
    const result = await route.handle(call as never);
    const response = isReply(result) ? answer(result, stamp()) : result;
    return report(serving, c, { ...outcome, response, caller: call.caller.name });
  } catch (thrown) {
    const failure = failureOf(thrown);
    const response = answerFailure(failure, stamp());
    return report(serving, c, { ...outcome, response, failure });
  }
}

/** A path that has no such method, or no such path. */
export async function serveUnrouted(
  serving: Serving,
  c: Context,
  allowed: readonly string[],
): Promise<Response> {
  const { deps } = serving;
  const startedAt = performance.now();
  const requestId = requestIdFor(deps, c.req.raw.headers);
  const stamp: Stamp = { requestId, now: deps.now() };
  const outcome = { requestId, startedAt, route: "unmatched" };
  const allow = { Allow: allowed.join(", ") };
  if (allowed.length === 0) {
    const failure = new Failure("NOT_FOUND", "there is nothing at this path");
    return report(serving, c, { ...outcome, response: answerFailure(failure, stamp), failure });
  }
  if (c.req.method === "OPTIONS") {
    const response = new Response(null, { status: 204, headers: headersFor(requestId, allow) });
    return report(serving, c, { ...outcome, response });
  }
  const failure = new Failure(
    "METHOD_NOT_ALLOWED",
    `this path has no ${c.req.method}; it has ${allow.Allow}`,
  );
  const response = answerFailure(failure, stamp, { headers: allow });
  return report(serving, c, { ...outcome, response, failure });
}
