import { z } from "zod";
import { Failure, type FailureCode } from "#contract/failures.ts";
import type { By } from "#engine/requests.ts";
import {
  type Body,
  type BodyRules,
  defaultBodyLimitBytes,
  hasBody,
  isStorable,
  readBody,
} from "./body.ts";
import type { Caller } from "./dependencies.ts";
import type { Reply } from "./envelope.ts";
import { type Fields, fieldsOf, noFields, refusal, sentences } from "./refusal.ts";

/**
 * An endpoint is a description and a handler. The description is what the API's document is generated from and
 * what every request is checked against, path, query and body at once, so that a refusal names every field.
 * (Hono's own validators answer with the first part that fails, and the body's before its size is known.)
 */

type Method = "get" | "post" | "patch" | "delete";

interface Answer {
  readonly description: string;
  /** The whole body's schema; absent: no body. */
  readonly schema?: z.ZodType;
  /** The body's media type when it is not JSON. */
  readonly mediaType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** It may also be an event stream, when that is accepted. */
  readonly streamed?: true;
}

export interface Endpoint<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Payload extends z.ZodType,
> {
  readonly method: Method;
  /** With `{name}` where a parameter stands. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** `key`: a valid API key is needed. */
  readonly access: "key" | "open";
  readonly params?: Params;
  /** Strict: an unknown or misspelt parameter is refused rather than silently ignored. */
  readonly query?: Query;
  /** Request headers that it heeds, by name, for the document. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What a DELETE would say in a body is refused: everything about it stands in its query. */
  readonly body?: {
    readonly schema: Payload;
    /** Shown in the document in place of `schema`, when entries are checked later, one by one. */
    readonly documented?: z.ZodType;
    readonly example?: unknown;
    readonly limitBytes?: number;
    /** Turns `text/csv` into what the schema takes; absent: JSON only. */
    readonly csv?: (text: string) => unknown;
  };
  readonly answers: Readonly<Record<number, Answer>>;
  /** What it may be refused with besides what every endpoint may. */
  readonly refusals?: readonly FailureCode[];
}

/** A checked request. */
export interface Call<Params, Query, Payload> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Payload;
  readonly caller: Caller;
  readonly by: By;
  readonly requestId: string;
  readonly method: string;
  /** The path as sent, without query. */
  readonly path: string;
  readonly search: URLSearchParams;
  readonly headers: Headers;
  /** Aborts when the client has gone or the process stops serving. */
  readonly signal: AbortSignal;
}

export type Handler<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Payload extends z.ZodType,
> = (call: Call<z.output<Params>, z.output<Query>, z.output<Payload>>) => Promise<Reply | Response>;

export interface Route {
  readonly endpoint: Endpoint<z.ZodObject, z.ZodObject, z.ZodType>;
  readonly handle: Handler<z.ZodObject, z.ZodObject, z.ZodType>;
}

/** Binds a handler to its description with the types of what was checked. */
export const route = <
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Payload extends z.ZodType,
>(
  endpoint: Endpoint<Params, Query, Payload>,
  handle: Handler<Params, Query, Payload>,
): Route => ({ endpoint, handle });

/** Whether a parameter may be repeated: under what wraps it, its schema is a list. */
function isList(schema: unknown): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return isList(schema.unwrap());
  return schema instanceof z.ZodPipe ? isList(schema.in) : schema instanceof z.ZodArray;
}

/** Query parameters as the schema wants them: lists for those that may be repeated, else one text each. */
function queryValues(query: z.ZodObject, given: URLSearchParams, fields: Fields): object {
  const values = Object.create(null) as Record<string, string | string[]>;
  for (const name of new Set(given.keys())) {
    const all = given.getAll(name);
    const [first = "", ...others] = all;
    if (!isStorable(name) || !all.every(isStorable))
      fields[isStorable(name) ? name : "query"] = "must not contain the character NUL";
    else if (isList(query.shape[name])) values[name] = all;
    else if (others.length > 0) fields[name] = "must be given once";
    else values[name] = first;
  }
  return values;
}

const nothing = z.strictObject({});

export interface Checked {
  readonly params: object;
  readonly query: object;
  readonly body: unknown;
}

const noSuchPath = (fields: Readonly<Record<string, string>>): Failure =>
  new Failure(
    "NOT_FOUND",
    `there is nothing at this path: ${Object.entries(fields)
      .map(([name, reason]) => `${name} ${reason}`)
      .join("; ")}`,
    { details: { fields } },
  );

/** Checks a request against its endpoint; throws one VALIDATION_ERROR that names everything that is wrong. */
export async function check(
  endpoint: Route["endpoint"],
  request: {
    readonly raw: Request;
    readonly params: Record<string, string>;
    readonly search: URLSearchParams;
  },
): Promise<Checked> {
  const fields = noFields();
  let sound = true;
  const take = (schema: z.ZodType, value: unknown): unknown => {
    const parsed = schema.safeParse(value, { error: sentences });
    if (parsed.success) return parsed.data;
    sound = false;
    Object.assign(fields, { ...fieldsOf(parsed.error), ...fields });
    return undefined;
  };
  const params = (endpoint.params ?? nothing).safeParse(request.params, { error: sentences });
  // An id that cannot be one names nothing: to the caller that is the same as one that is not there.
  if (!params.success) throw noSuchPath(fieldsOf(params.error));
  const querySchema = endpoint.query ?? nothing;
  const query = take(querySchema, queryValues(querySchema, request.search, fields));
  const body = await takeBody(endpoint.body, request.raw, take);
  // What a caller believes to have said here may be what keeps a server's disks from being erased.
  if (endpoint.method === "delete" && (await hasBody(request.raw, defaultBodyLimitBytes)))
    fields["body"] =
      `must be empty: ${Object.keys(querySchema.shape).join(", ")} are query parameters`;
  if (!sound || Object.keys(fields).length > 0) throw refusal(fields);
  return { params: params.data, query: query as object, body };
}

async function takeBody(
  rules: Route["endpoint"]["body"],
  request: Request,
  take: (schema: z.ZodType, value: unknown) => unknown,
): Promise<unknown> {
  if (rules === undefined) return undefined;
  const limits: BodyRules = {
    limitBytes: rules.limitBytes ?? defaultBodyLimitBytes,
    csv: rules.csv !== undefined,
  };
  const body: Body = await readBody(request, limits);
  switch (body.kind) {
    case "none":
      // A body whose every field is optional may be left out altogether.
      return take(rules.schema, {});
    case "json":
      return take(rules.schema, body.value);
    case "csv":
      if (rules.csv === undefined) throw new Failure("UNSUPPORTED_MEDIA_TYPE", "no CSV here");
      return take(rules.schema, rules.csv(body.text));
  }
}
