import { LineCounter, parse, parseDocument } from "yaml";
import { badRequest, unsupportedMediaType } from "#lab/kubernetes/status.ts";
import { duplicateFields } from "./duplicate-fields.ts";
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

/** A body, and what is odd about it though it can be read: nobody means to say one field twice. */
export interface Read {
  readonly body: unknown;
  /** Such as `duplicate field "spec.size"`. */
  readonly oddities: readonly string[];
}

/** The body alone. Refusals as `readClosely`. */
export function readBody(call: Call): unknown {
  return readClosely(call).body;
}

/** The body out of JSON, YAML or protobuf. Refusals: 415 for protobuf that nobody sends, 400 for what cannot be read. */
export function readClosely(call: Call): Read {
  const type = mediaType(call);
  if (type.includes("protobuf")) return { body: readProtobuf(call.body), oddities: [] };
  const text = call.body.toString("utf8");
  try {
    if (type.endsWith("yaml") && !text.trimStart().startsWith("{"))
      return { body: parse(text, { uniqueKeys: false }), oddities: repeatedKeys(text) };
    const body: unknown = JSON.parse(text);
    return { body, oddities: duplicateFields(text).map((path) => `duplicate field "${path}"`) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`the object provided is unrecognized: couldn't get version/kind: ${reason}`);
  }
}

/** As `readClosely`. A Refusal (415) for a media type in which the API server reads no whole object. */
export function readWhole(call: Call): Read {
  if (/json|yaml|protobuf/.test(mediaType(call))) return readClosely(call);
  throw unsupportedMediaType(
    "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  );
}

/** Keys that a YAML text says twice in one map, in the words of its reader in Go. */
function repeatedKeys(text: string): readonly string[] {
  const lines = new LineCounter();
  return parseDocument(text, { lineCounter: lines }).errors.flatMap(({ code, pos: [start] }) => {
    if (code !== "DUPLICATE_KEY") return [];
    const [key = ""] = /^[^\s:]+/.exec(text.slice(start)) ?? [];
    return [`line ${lines.linePos(start).line}: key ${JSON.stringify(key)} already set in map`];
  });
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
