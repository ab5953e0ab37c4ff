import { badRequest, invalid } from "#lab/kubernetes/status.ts";
import type { Cause } from "#lab/kubernetes/status.ts";
import type { FieldValidation } from "#lab/kubernetes/writes/fields.ts";

/** Options of a request, as the API server names them when it refuses one (group meta.k8s.io). */
export type OptionsKind =
  | "CreateOptions"
  | "UpdateOptions"
  | "PatchOptions"
  | "DeleteOptions"
  | "ListOptions";

/** What is wrong with options: a Refusal (422) that speaks of them, not of the object. */
export function badOptions(kind: OptionsKind, causes: readonly Cause[]): Error {
  return invalid({ group: "meta.k8s.io", kind }, "", causes);
}

/** The longest name of a manager. */
const longestManager = 128;

/**
 * What shall happen to unknown fields. A Refusal (422) for anything that is no such wish, `dryRun` and `fieldManager` included.
 */
export function validationOf(kind: OptionsKind, query: URLSearchParams): FieldValidation {
  checkDryRun(kind, query.getAll("dryRun"));
  checkManager(kind, query.get("fieldManager") ?? "");
  const asked = query.get("fieldValidation") || "Warn";
  if (asked === "Ignore" || asked === "Warn" || asked === "Strict") return asked;
  throw badOptions(kind, [
    unsupported("fieldValidation", JSON.stringify(asked), ["", "Ignore", "Strict", "Warn"]),
  ]);
}

function checkManager(kind: OptionsKind, name: string): void {
  if (Buffer.byteLength(name) > longestManager)
    throw badOptions(kind, [
      {
        reason: "FieldValueTooLong",
        message: `Too long: may not be more than ${longestManager} bytes`,
        field: "fieldManager",
      },
    ]);
  const [odd] = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(name) ?? [];
  if (odd === undefined) return;
  const code = odd.codePointAt(0) ?? 0;
  const shown = name.replaceAll(
    odd,
    code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : odd,
  );
  throw badOptions(kind, [
    {
      reason: "FieldValueInvalid",
      message: `Invalid value: "${shown}": invalid character U+${code.toString(16).toUpperCase().padStart(4, "0")} (at position ${name.indexOf(odd)})`,
      field: "fieldManager",
    },
  ]);
}

/** A Refusal (422): only an apply can be forced. */
export function checkUnforced(query: URLSearchParams): void {
  if (query.get("force") !== "true") return;
  throw badOptions("PatchOptions", [
    {
      reason: "FieldValueForbidden",
      message: "Forbidden: may not be specified for non-apply patch",
      field: "force",
    },
  ]);
}

/** A Refusal (400) for a part of an object that no table has. */
export function checkInclude(query: URLSearchParams): void {
  const asked = query.get("includeObject") ?? "";
  if (["", "None", "Metadata", "Object"].includes(asked)) return;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: "${asked}": must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** A Refusal (422) for a dry run of anything but `All`. */
export function checkDryRun(kind: OptionsKind, asked: readonly string[]): void {
  if (asked.every((one) => one === "All")) return;
  throw badOptions(kind, [unsupported("dryRun", JSON.stringify(asked), ["All"])]);
}

/** A Refusal (422) for a way of deleting that there is not. */
export function checkPropagation(asked: unknown, orphanDependents: unknown): void {
  if (asked && typeof orphanDependents === "boolean")
    throw badOptions("DeleteOptions", [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: ${JSON.stringify(asked)}: orphanDependents and deletionPropagation cannot be both set`,
        field: "propagationPolicy",
      },
    ]);
  const known: unknown[] = ["Foreground", "Background", "Orphan"];
  if (asked === undefined || asked === null || known.includes(asked)) return;
  const supported = ["Foreground", "Background", "Orphan", "nil"];
  throw badOptions("DeleteOptions", [
    unsupported("propagationPolicy", JSON.stringify(asked), supported),
  ]);
}

/** A Refusal (422) for options of a list that do not fit together. */
export function checkListOptions(query: URLSearchParams): void {
  const match = query.get("resourceVersionMatch") ?? "";
  const version = query.get("resourceVersion") ?? "";
  const causes: Cause[] = [];
  if (match !== "") {
    if (version === "")
      causes.push(forbiddenMatch("is forbidden unless resourceVersion is provided"));
    if (query.get("continue")) causes.push(continued);
    if (match !== "Exact" && match !== "NotOlderThan")
      causes.push(unsupportedMatch(match, ["Exact", "NotOlderThan", ""]));
    if (match === "Exact" && version === "0")
      causes.push(forbiddenMatch('"exact" is forbidden for resourceVersion "0"'));
  }
  if (query.has("sendInitialEvents"))
    causes.push({
      reason: "FieldValueForbidden",
      message: "Forbidden: sendInitialEvents is forbidden for list",
      field: "sendInitialEvents",
    });
  if (causes.length > 0) throw badOptions("ListOptions", causes);
}

/** A Refusal (422) for options of a watch that do not fit together. */
export function checkWatchOptions(query: URLSearchParams): void {
  const match = query.get("resourceVersionMatch") ?? "";
  const causes: Cause[] = [];
  if (query.has("sendInitialEvents") && match !== "NotOlderThan")
    causes.push({
      reason: "FieldValueForbidden",
      message: "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
      field: "resourceVersionMatch",
    });
  if (match !== "" && !query.has("sendInitialEvents"))
    causes.push(forbiddenMatch("is forbidden for watch unless sendInitialEvents is provided"));
  if (match !== "" && match !== "NotOlderThan")
    causes.push(unsupportedMatch(match, ["NotOlderThan"]));
  if (query.get("continue")) causes.push(continued);
  if (causes.length > 0) throw badOptions("ListOptions", causes);
}

function forbiddenMatch(why: string): Cause {
  return {
    reason: "FieldValueForbidden",
    message: `Forbidden: resourceVersionMatch ${why}`,
    field: "resourceVersionMatch",
  };
}

const continued = forbiddenMatch("is forbidden when continue is provided");

function unsupportedMatch(match: string, supported: readonly string[]): Cause {
  return unsupported("resourceVersionMatch", JSON.stringify(match), supported);
}

function unsupported(field: string, value: string, supported: readonly string[]): Cause {
  const list = supported.map((one) => JSON.stringify(one)).join(", ");
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${value}: supported values: ${list}`,
    field,
  };
}
