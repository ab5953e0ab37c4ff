import { Failure } from "#contract/failures.ts";
import { refusal } from "./refusal.ts";

/** Reading request bodies with limits on size and form, before any schema sees them. */

const KIB = 1024;
export const defaultBodyLimitBytes = 1024 * KIB;
export const batchBodyLimitBytes = 5 * 1024 * KIB;

const tooLarge = (limitBytes: number): Failure =>
  new Failure("PAYLOAD_TOO_LARGE", `the body is larger than ${limitBytes} bytes`, {
    details: { limitBytes },
  });

async function readBytes(request: Request, limitBytes: number): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared !== null && /^\d+$/.test(declared)) {
    if (Number(declared) > limitBytes) throw tooLarge(limitBytes);
    // HTTP itself now cuts the body at the declared length.
    return new Uint8Array(await request.arrayBuffer());
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.byteLength;
    if (length > limitBytes) throw tooLarge(limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** PostgreSQL stores neither the character NUL nor half a surrogate pair, and neither means anything in a name. */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

/** Deeper than any body that makes sense, and shallow enough for whatever walks it recursively later. */
const MAX_DEPTH = 32;

/** Looks at every text and the depth of a parsed body; throws VALIDATION_ERROR naming the field. */
function checkStorable(root: unknown): void {
  const open: { readonly value: unknown; readonly path: string; readonly depth: number }[] = [
    { value: root, path: "", depth: 0 },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path, depth } = next;
    if (typeof value === "string" && !isStorable(value)) throw unstorable(path);
    if (typeof value !== "object" || value === null) continue;
    if (depth >= MAX_DEPTH) throw refusal({ body: `must not be nested over ${MAX_DEPTH} deep` });
    for (const [key, inner] of Object.entries(value)) {
      if (!isStorable(key)) throw unstorable(path);
      const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
      open.push({ value: inner, path: at, depth: depth + 1 });
    }
  }
}

const unstorable = (path: string): Failure =>
  refusal({
    [path === "" ? "body" : path]: "must not contain the character NUL or half a surrogate pair",
  });

export type Body =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "csv"; readonly text: string };

export interface BodyRules {
  readonly limitBytes: number;
  readonly csv: boolean;
}

const essenceOf = (contentType: string | null): string | null =>
  contentType === null ? null : (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();

/** Throws PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE or VALIDATION_ERROR. An empty body is `none`, unless it is a table without rows. */
export async function readBody(request: Request, rules: BodyRules): Promise<Body> {
  const bytes = await readBytes(request, rules.limitBytes);
  const essence = essenceOf(request.headers.get("content-type"));
  const isCsv = rules.csv && essence === "text/csv";
  if (bytes.byteLength === 0) return isCsv ? { kind: "csv", text: "" } : { kind: "none" };

  const encoding = request.headers.get("content-encoding");
  const isPlain = encoding === null || encoding.toLowerCase() === "identity";
  if (!isPlain || (essence !== "application/json" && !isCsv)) {
    const taken = rules.csv ? "application/json or text/csv" : "application/json";
    const words = isPlain
      ? `the body is ${essence ?? "sent without a Content-Type"}; this path takes ${taken}`
      : `the body is compressed (${encoding}); send it as it is`;
    throw new Failure("UNSUPPORTED_MEDIA_TYPE", words, {
      details: { contentType: essence, contentEncoding: encoding },
    });
  }

  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    throw new Failure("VALIDATION_ERROR", "the body is not UTF-8", { cause: error });
  }
  if (isCsv) {
    if (!isStorable(text)) throw refusal({ body: "must not contain the character NUL" });
    return { kind: "csv", text };
  }
  return { kind: "json", value: parseJson(text) };
}

/** Whether there is something in the body. A client that sends `{}` with everything has said nothing. */
export async function hasBody(request: Request, limitBytes: number): Promise<boolean> {
  const bytes = await readBytes(request, limitBytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString().trim();
  return text !== "" && !/^\{\s*\}$/.test(text);
}

function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the body, which may hold a password; only the place is told.
    const position = error instanceof Error ? / at position (\d+)/.exec(error.message)?.[1] : null;
    const place = position === null || position === undefined ? "" : ` at position ${position}`;
    throw new Failure("VALIDATION_ERROR", `the body is not JSON: it cannot be parsed${place}`);
  }
  checkStorable(value);
  return value;
}
