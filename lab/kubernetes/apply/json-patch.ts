import { applyPatch, type Operation, Pointer } from "rfc6902";
import { isObject, type JsonObject } from "#lab/kubernetes/schema/json.ts";

/** Why a JSON patch could not be carried out. Nothing was changed. */
export class PatchError extends Error {
  /** `test-failed`: a `test` found another value; `missing`: there is no such place; `malformed`: it is no operation. */
  readonly reason: "test-failed" | "missing" | "malformed";
  /** Which operation, from 0. */
  readonly index: number;

  constructor(reason: PatchError["reason"], index: number, message: string) {
    super(message);
    this.name = "PatchError";
    this.reason = reason;
    this.index = index;
  }
}

/**
 * RFC 6902: the object with all operations carried out, in order. Throws a PatchError for the first that cannot be; the object
 * given is never changed. A patch with a `test` of what it replaces fails the second time, others may repeat their effect.
 */
export function jsonPatch(object: unknown, operations: readonly unknown[]): unknown {
  // The library writes into what it is given, and replaces nothing at the root.
  const document = { root: structuredClone(object) };
  for (const [index, operation] of operations.entries()) {
    if (!isOperation(operation))
      throw new PatchError("malformed", index, `operation ${index} is not a JSON patch operation`);
    carryOut(document, fromTheEnd(document.root, operation), index);
  }
  return document.root;
}

function carryOut(document: object, operation: Operation, index: number): void {
  const from = "from" in operation ? { from: `/root${operation.from}` } : {};
  const rooted: Operation = { ...operation, ...from, path: `/root${operation.path}` };
  const what = `operation ${index} (${operation.op} ${JSON.stringify(operation.path)})`;
  let problem: Error | null;
  try {
    [problem = null] = applyPatch(document, [rooted]);
  } catch (error) {
    // Thrown for a path that is no JSON pointer.
    const said = error instanceof Error ? error.message : String(error);
    throw new PatchError("malformed", index, `${what}: ${said}`);
  }
  if (problem === null) return;
  // What is not there passes for null.
  if (
    operation.op === "test" &&
    operation.value === null &&
    problem.name !== "InvalidOperationError"
  ) {
    if (problem.name === "MissingError" || isAbsent(document, rooted.path)) return;
  }
  if (problem.name === "TestError")
    throw new PatchError("test-failed", index, `${what}: testing value failed`);
  if (problem.name === "MissingError")
    throw new PatchError("missing", index, `${what}: there is no such place`);
  throw new PatchError("malformed", index, `${what} is not a JSON patch operation`);
}

/** The API server counts below zero from the end of a list: -1 is the last place, or the one behind it for what is added. */
function fromTheEnd(root: unknown, operation: Operation): Operation {
  const [, parent = "", ordinal] = /^(.*)\/-(\d+)$/.exec(operation.path) ?? [];
  if (ordinal === undefined || Number(ordinal) === 0) return operation;
  const list: unknown = Pointer.fromJSON(parent).get(root);
  if (!Array.isArray(list)) return operation;
  const length = operation.op === "add" ? list.length + 1 : list.length;
  return { ...operation, path: `${parent}/${length - Number(ordinal)}` };
}

function isAbsent(document: object, path: string): boolean {
  return Pointer.fromJSON(path).get(document) === undefined;
}

function isOperation(operation: unknown): operation is Operation {
  if (!isObject(operation)) return false;
  const { op, path, from } = operation;
  if (!isPointer(path)) return false;
  if (op === "remove") return true;
  if (op === "move" || op === "copy")
    return isPointer(from) && !(op === "move" && path.startsWith(`${from}/`));
  return (op === "add" || op === "replace" || op === "test") && Object.hasOwn(operation, "value");
}

/** RFC 6901, without the names that the library does not follow for fear of prototypes. */
function isPointer(path: unknown): path is string {
  if (typeof path !== "string" || (path !== "" && !path.startsWith("/"))) return false;
  return !path.split("/").some((token) => avoided.has(token));
}

const avoided: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * RFC 7396: fields of the patch replace those of the object, null takes one away, lists are replaced as a whole. The same patch again
 * changes nothing. Our own because the standard's eight lines of pseudo code are the whole of it.
 */
export function mergePatch(object: unknown, patch: JsonObject): JsonObject {
  const target = isObject(object) ? object : {};
  const kept = Object.entries(target).filter(([field]) => !Object.hasOwn(patch, field));
  const set = Object.entries(patch)
    .filter(([, value]) => value !== null)
    .map(([field, value]): [string, unknown] => [
      field,
      isObject(value)
        ? mergePatch(Object.hasOwn(target, field) ? target[field] : {}, value)
        : value,
    ]);
  return Object.fromEntries([...kept, ...set]);
}
