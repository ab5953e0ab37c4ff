import { orphanFinalizer } from "#lab/kubernetes/operators/cleaner.ts";
import { foregroundFinalizer } from "#lab/kubernetes/operators/owners.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { badRequest, conflict, resourceText } from "#lab/kubernetes/status.ts";
import { isJson } from "#lab/kubernetes/writes/incoming.ts";
import type { Json } from "#lab/kubernetes/writes/incoming.ts";
import type { DeletePolicy } from "#lab/kubernetes/writes/writer.ts";
import { readWhole } from "./call.ts";
import type { Call } from "./call.ts";
import type { Target } from "./place.ts";
import { checkDryRun, checkPropagation } from "./request-options.ts";

/** What a deletion's body says of how it shall be done. Refusals: 400 and 415 for no DeleteOptions, 422 for options that are none. */
export function deleteOptions(call: Call): Json {
  const body = (call.body.length === 0 ? {} : readWhole(call).body) ?? {};
  if (!isJson(body)) throw badRequest("couldn't get version/kind; json parse error: no object");
  const { kind = "DeleteOptions", apiVersion = "v1", gracePeriodSeconds = 0 } = body;
  if (kind !== "DeleteOptions")
    throw badRequest(`no kind "${String(kind)}" is registered for version "${String(apiVersion)}"`);
  if (gracePeriodSeconds !== null && !Number.isInteger(gracePeriodSeconds))
    throw badRequest("json: DeleteOptions.gracePeriodSeconds is of type int64");
  // What a body says counts alone.
  const { query } = call;
  checkPropagation(
    body["propagationPolicy"] ?? (call.body.length === 0 ? query.get("propagationPolicy") : null),
    body["orphanDependents"],
  );
  checkDryRun("DeleteOptions", textsOf(body["dryRun"]));
  return body;
}

/** A Refusal (409) when the object is not the one that was meant. */
export function checkPreconditions({ served }: Target, live: KubeObject, options: Json): void {
  const { preconditions } = options;
  if (!isJson(preconditions)) return;
  const { uid, resourceVersion } = live.metadata;
  const { name } = live.metadata;
  const { group, kind } = served.kind;
  // The API server puts the kind here where else the plural stands.
  const refused = (what: string): Error =>
    conflict(
      { group, plural: kind },
      name,
      `Operation cannot be fulfilled on ${resourceText({ group, plural: kind })} "${name}": ${what}`,
    );
  const wanted = preconditions["uid"];
  if (wanted !== undefined && wanted !== uid)
    throw refused(
      `the UID in the precondition (${String(wanted)}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  const version = preconditions["resourceVersion"];
  if (version !== undefined && version !== resourceVersion)
    throw refused(
      `the ResourceVersion in the precondition (${String(version)}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
}

/** Whose finalizers of the garbage collector the object shall have. */
export function policyFor({ query }: Call, options: Json): DeletePolicy {
  const { orphanDependents } = options;
  const old =
    typeof orphanDependents === "boolean" ? (orphanDependents ? "Orphan" : "Background") : null;
  switch (String(options["propagationPolicy"] ?? old ?? query.get("propagationPolicy"))) {
    case "Foreground":
      return { with: [foregroundFinalizer], without: [orphanFinalizer] };
    case "Orphan":
      return { with: [orphanFinalizer], without: [foregroundFinalizer] };
    case "Background":
      return { without: [foregroundFinalizer, orphanFinalizer] };
    default:
      return {};
  }
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
