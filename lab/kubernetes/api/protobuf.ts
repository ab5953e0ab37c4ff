import { badRequest, unsupportedMediaType } from "#lab/kubernetes/status.ts";

/*
 * kubectl creates namespaces, secrets and config maps in Kubernetes' protobuf form, whatever the server prefers, and asks so
 * what it may do. The field numbers are those of k8s.io/api/core/v1/generated.proto, authorization/v1's and apimachinery's.
 */

/** How the value of a field is read. */
type Field =
  | { readonly name: string; readonly as: "text" | "flag" }
  | { readonly name: string; readonly as: "texts" }
  /** A map whose values are texts, or bytes that JSON writes in base64. */
  | { readonly name: string; readonly as: "map" | "bytesMap" }
  | { readonly name: string; readonly as: Message };

type Message = ReadonlyMap<number, Field>;

const metadata: Message = new Map<number, Field>([
  [1, { name: "name", as: "text" }],
  [2, { name: "generateName", as: "text" }],
  [3, { name: "namespace", as: "text" }],
  [11, { name: "labels", as: "map" }],
  [12, { name: "annotations", as: "map" }],
  [14, { name: "finalizers", as: "texts" }],
]);

const resourceAttributes: Message = new Map<number, Field>([
  [1, { name: "namespace", as: "text" }],
  [2, { name: "verb", as: "text" }],
  [3, { name: "group", as: "text" }],
  [4, { name: "version", as: "text" }],
  [5, { name: "resource", as: "text" }],
  [6, { name: "subresource", as: "text" }],
  [7, { name: "name", as: "text" }],
]);

const nonResourceAttributes: Message = new Map<number, Field>([
  [1, { name: "path", as: "text" }],
  [2, { name: "verb", as: "text" }],
]);

const accessReviewSpec: Message = new Map<number, Field>([
  [1, { name: "resourceAttributes", as: resourceAttributes }],
  [2, { name: "nonResourceAttributes", as: nonResourceAttributes }],
]);

/** By apiVersion and kind. */
const messages: Readonly<Record<string, Message>> = {
  "authorization.k8s.io/v1 SelfSubjectAccessReview": new Map<number, Field>([
    [1, { name: "metadata", as: metadata }],
    [2, { name: "spec", as: accessReviewSpec }],
  ]),
  "authorization.k8s.io/v1 SelfSubjectRulesReview": new Map<number, Field>([
    [1, { name: "metadata", as: metadata }],
    [2, { name: "spec", as: new Map<number, Field>([[1, { name: "namespace", as: "text" }]]) }],
  ]),
  "v1 Namespace": new Map<number, Field>([[1, { name: "metadata", as: metadata }]]),
  "v1 ServiceAccount": new Map<number, Field>([[1, { name: "metadata", as: metadata }]]),
  "v1 Secret": new Map<number, Field>([
    [1, { name: "metadata", as: metadata }],
    [2, { name: "data", as: "bytesMap" }],
    [3, { name: "type", as: "text" }],
    [4, { name: "stringData", as: "map" }],
    [5, { name: "immutable", as: "flag" }],
  ]),
  "v1 ConfigMap": new Map<number, Field>([
    [1, { name: "metadata", as: metadata }],
    [2, { name: "data", as: "map" }],
    [3, { name: "binaryData", as: "bytesMap" }],
    [4, { name: "immutable", as: "flag" }],
  ]),
};

/** The envelope (runtime.Unknown) begins so. */
const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

const typeMeta: Message = new Map<number, Field>([
  [1, { name: "apiVersion", as: "text" }],
  [2, { name: "kind", as: "text" }],
]);

/** An object out of its protobuf form. Refusals: 415 for a kind that nobody sends so, 400 for what cannot be read. */
export function readProtobuf(bytes: Buffer): Record<string, unknown> {
  if (!bytes.subarray(0, 4).equals(magic)) throw badRequest("the body is no Kubernetes protobuf");
  const envelope = partsOf(bytes.subarray(4));
  const head = messageOf(typeMeta, envelope.find(({ number }) => number === 1)?.bytes);
  const message = messages[`${String(head["apiVersion"])} ${String(head["kind"])}`];
  if (message === undefined)
    throw unsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
    );
  return { ...head, ...messageOf(message, envelope.find(({ number }) => number === 2)?.bytes) };
}

function messageOf(message: Message, bytes: Buffer | undefined): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { number, bytes: value, figure } of bytes === undefined ? [] : partsOf(bytes)) {
    const field = message.get(number);
    if (field === undefined) continue;
    const { name, as } = field;
    if (as === "text") {
      // The generated code writes empty texts, too.
      if (value.length > 0) result[name] = value.toString("utf8");
    } else if (as === "flag") result[name] = figure !== 0;
    else if (as === "texts")
      result[name] = [...((result[name] as string[] | undefined) ?? []), value.toString("utf8")];
    else if (as === "map" || as === "bytesMap") {
      const entry = partsOf(value);
      const key = entry.find((part) => part.number === 1)?.bytes.toString("utf8") ?? "";
      const inner = entry.find((part) => part.number === 2)?.bytes ?? Buffer.alloc(0);
      const text = inner.toString(as === "map" ? "utf8" : "base64");
      result[name] = { ...(result[name] as Record<string, string> | undefined), [key]: text };
    } else result[name] = messageOf(as, value);
  }
  return result;
}

interface Part {
  readonly number: number;
  /** Empty for a figure. */
  readonly bytes: Buffer;
  /** 0 for bytes. */
  readonly figure: number;
}

/** The fields of one message: wire types 0 (varint), 1 (64 bits), 2 (length and bytes) and 5 (32 bits). */
function partsOf(message: Buffer): readonly Part[] {
  const parts: Part[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = message[at];
      if (byte === undefined) throw badRequest("the protobuf breaks off");
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw badRequest("the protobuf has a number without an end");
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) {
      parts.push({ number, bytes: Buffer.alloc(0), figure: varint() });
      continue;
    }
    const length = wire === 2 ? varint() : wire === 1 ? 8 : wire === 5 ? 4 : Number.NaN;
    if (!(at + length <= message.length)) throw badRequest("the protobuf cannot be read");
    parts.push({ number, bytes: message.subarray(at, at + length), figure: 0 });
    at += length;
  }
  return parts;
}
