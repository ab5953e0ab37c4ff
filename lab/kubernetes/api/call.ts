import { parse } from "yaml";
import { badRequest, unsupportedMediaType } from "#lab/kubernetes/status.ts";
import type { User } from "./users.ts";

/** A request as the API server reads it. */
export interface Call {
  readonly method: string;
  /** Decoded segments of the path. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly user: User;
  /** Adds a Warning header to the answer. */
  readonly warn: (message: string) => void;
}

/** What is answered, unless it is a stream. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function json(status: number, body: unknown): Answer {
  return { status, contentType: "application/json", text: JSON.stringify(body) };
}

export function plain(status: number, text: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", text };
}

/** The media type of the body, without its parameters. */
export function mediaType({ headers }: Call): string {
  return (headers["content-type"] ?? "application/json").split(";", 1)[0]?.trim() ?? "";
}

/** The body as JSON or YAML. Refusals: 415 for protobuf, 400 for what cannot be read. */
export function readBody(call: Call): unknown {
  const type = mediaType(call);
  if (type.includes("protobuf"))
    throw unsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
    );
  try {
    return type.endsWith("yaml") && !call.body.trimStart().startsWith("{")
      ? (parse(call.body) as unknown)
      : (JSON.parse(call.body) as unknown);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`the object provided is unrecognized: couldn't get version/kind: ${reason}`);
  }
}

/** A query parameter that is a flag. */
export function isSet(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== "false" && value !== "0";
}

/** Who writes: the parameter, or the name in the User-Agent as the real server takes it. */
export function managerOf({ query, headers }: Call): string {
  return query.get("fieldManager") ?? headers["user-agent"]?.split("/", 1)[0] ?? "unknown";
}
