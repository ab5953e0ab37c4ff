import { invalid } from "#lab/kubernetes/status.ts";
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

/** What shall happen to unknown fields. A Refusal (422) for anything that is no such wish, `dryRun` included. */
export function validationOf(kind: OptionsKind, query: URLSearchParams): FieldValidation {
  checkDryRun(kind, query.getAll("dryRun"));
  const asked = query.get("fieldValidation") || "Warn";
  if (asked === "Ignore" || asked === "Warn" || asked === "Strict") return asked;
  throw badOptions(kind, [
    unsupported("fieldValidation", JSON.stringify(asked), ["", "Ignore", "Strict", "Warn"]),
  ]);
}

/** A Refusal (422) for a dry run of anything but `All`. */
export function checkDryRun(kind: OptionsKind, asked: readonly string[]): void {
  if (asked.every((one) => one === "All")) return;
  throw badOptions(kind, [unsupported("dryRun", JSON.stringify(asked), ["All"])]);
}

/** A Refusal (422) for a way of deleting that there is not. */
export function checkPropagation(asked: unknown): void {
  const known: unknown[] = ["Foreground", "Background", "Orphan"];
  if (asked === undefined || asked === null || known.includes(asked)) return;
  const supported = ["Foreground", "Background", "Orphan", "nil"];
  throw badOptions("DeleteOptions", [
    unsupported("propagationPolicy", JSON.stringify(asked), supported),
  ]);
}

/** A Refusal (422) for a `resourceVersionMatch` that is not known, or that has nothing to match. */
export function checkListOptions(query: URLSearchParams): void {
  const match = query.get("resourceVersionMatch") ?? "";
  if (match === "") return;
  if ((query.get("resourceVersion") ?? "") === "")
    throw badOptions("ListOptions", [
      {
        reason: "FieldValueForbidden",
        message: "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        field: "resourceVersionMatch",
      },
    ]);
  if (match === "Exact" || match === "NotOlderThan") return;
  throw badOptions("ListOptions", [
    unsupported("resourceVersionMatch", JSON.stringify(match), ["Exact", "NotOlderThan", ""]),
  ]);
}

function unsupported(field: string, value: string, supported: readonly string[]): Cause {
  const list = supported.map((one) => JSON.stringify(one)).join(", ");
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${value}: supported values: ${list}`,
    field,
  };
}
