import { z } from "zod";
import { type Failure, failureCodes, rowOf } from "#contract/failures.ts";
import { Instant, RunId } from "#contract/ids.ts";

/** What every answer is wrapped in, as schemas for the API's description and as functions for the answers. */

export const Pagination = z
  .object({
    total: z.number().int().nonnegative().meta({
      description: "All that match: exact up to 10,000, beyond that an estimate that says so",
    }),
    totalIsEstimate: z.literal(true).optional(),
    page: z
      .number()
      .int()
      .positive()
      .nullable()
      .meta({ description: "Null when paged by cursor: a cursor does not know how deep it is" }),
    pageSize: z.number().int().positive(),
    hasMore: z.boolean(),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Pass as `cursor` with the same filters for the next page" }),
  })
  .meta({ id: "Pagination" });
export type Pagination = z.infer<typeof Pagination>;

const metaShape = {
  requestId: z.string().meta({ example: "req_local-1772438490000-0a1b2c3d4e5f" }),
  timestamp: Instant,
};

export const Meta = z.object(metaShape).meta({ id: "Meta" });
const ListMeta = z.object({ ...metaShape, pagination: Pagination }).meta({ id: "ListMeta" });
const AcceptedMeta = z
  .object({
    ...metaShape,
    workflowId: RunId.meta({ description: "The run that carries the request out" }),
    estimatedDuration: z.number().int().nonnegative().meta({
      description:
        "How long the run should take, in ms: like runs that ended well lately, or as its steps declare; what the request asks for in particular does not count",
    }),
  })
  .meta({ id: "AcceptedMeta" });

export const ErrorBody = z
  .object({
    success: z.literal(false),
    error: z.object({
      code: z.enum(failureCodes).meta({ id: "FailureCode" }),
      message: z.string(),
      details: z
        .record(z.string(), z.unknown())
        .optional()
        .meta({
          description:
            "Facts for a program; `fields` names each refused field and why; where a run has the resource, `links` leads to it (`activeRun`) and to its `cancel`",
          example: { fields: { bmcAddress: "is required" } },
        }),
    }),
    meta: Meta,
  })
  .meta({ id: "Error" });

const envelope = (data: z.ZodType, meta: z.ZodType): z.ZodType =>
  z.object({ success: z.literal(true), data, meta });
export const single = (data: z.ZodType): z.ZodType => envelope(data, Meta);
export const list = (item: z.ZodType): z.ZodType => envelope(z.array(item), ListMeta);
export const accepted = (data: z.ZodType): z.ZodType => envelope(data, AcceptedMeta);

export interface Stamp {
  readonly requestId: string;
  /** ms since 1970. */
  readonly now: number;
}

/** An answer before it is wrapped. */
export interface Reply {
  readonly status: number;
  readonly data: unknown;
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** On every answer. Nothing here is for a browser to render, frame, guess the type of or keep. */
const commonHeaders = {
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-store",
} as const;

export const headersFor = (
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Record<string, string> => ({ ...commonHeaders, "X-Request-Id": requestId, ...headers });

const stampOf = ({ requestId, now }: Stamp) => ({
  requestId,
  timestamp: new Date(now).toISOString(),
});

/** A plain object of headers and a string body: what the Node adapter writes without a detour. */
export function answer(reply: Reply, stamp: Stamp): Response {
  const headers = headersFor(stamp.requestId, reply.headers);
  if (reply.status === 304 || reply.status === 204)
    return new Response(null, { status: reply.status, headers });
  headers["Content-Type"] = "application/json; charset=utf-8";
  const meta = { ...stampOf(stamp), ...reply.meta };
  return new Response(JSON.stringify({ success: true, data: reply.data, meta }), {
    status: reply.status,
    headers,
  });
}

/** Seconds after which a caller may try again where nothing better is known. */
const RETRY_AFTER_S = 2;

export const errorOf = (failure: Failure) => ({
  code: failure.code,
  message: failure.message,
  ...(failure.details !== undefined && { details: failure.details }),
});

export const errorBody = (failure: Failure, stamp: Stamp) => ({
  success: false,
  error: errorOf(failure),
  meta: stampOf(stamp),
});

export function answerFailure(
  failure: Failure,
  stamp: Stamp,
  extra: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  const status = extra.status ?? rowOf(failure.code).http;
  const headers = headersFor(stamp.requestId, {
    "Content-Type": "application/json; charset=utf-8",
    ...extra.headers,
  });
  if (status === 401) headers["WWW-Authenticate"] = "Bearer";
  if (status === 429 || status === 503)
    headers["Retry-After"] = String(
      failure.retryAfterMs === undefined
        ? RETRY_AFTER_S
        : Math.max(1, Math.ceil(failure.retryAfterMs / 1000)),
    );
  return new Response(JSON.stringify(errorBody(failure, stamp)), { status, headers });
}
