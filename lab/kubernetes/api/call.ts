import { parse } from "yaml";
import { badRequest } from "#lab/kubernetes/status.ts";
import { readProtobuf } from "./protobuf.ts";
import type { User } from "./users.ts";

/** A request as the API server reads it. */
export interface Call {
  readonly method: string;
  /** Decoded segments of the path. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As it came; empty when there was none. */
  readonly body: Buffer;
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

/** The body out of JSON, YAML or protobuf. Refusals: 415 for protobuf that nobody sends, 400 for what cannot be read. */
export function readBody(call: Call): unknown {
  const type = mediaType(call);
  if (type.includes("protobuf")) return readProtobuf(call.body);
  const text = call.body.toString("utf8");
  try {
    return type.endsWith("yaml") && !text.trimStart().startsWith("{")
      ? (parse(text) as unknown)
      : (JSON.parse(text) as unknown);
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
