import type { KubeObject } from "#lab/kubernetes/object.ts";
import { definitionKind } from "#lab/kubernetes/kinds/definition.ts";
import { isCustom, type KindVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import { applyDefaults } from "#lab/kubernetes/schema/defaults.ts";
import { definitionErrors } from "#lab/kubernetes/schema/definition-rules.ts";
import type { FieldError } from "#lab/kubernetes/schema/field-error.ts";
import { ownerErrors } from "#lab/kubernetes/schema/owner-rules.ts";
import { prune } from "#lab/kubernetes/schema/prune.ts";
import { pruneMetadata } from "#lab/kubernetes/schema/prune-metadata.ts";
import { validate } from "#lab/kubernetes/schema/validate.ts";
import { badRequest, invalid } from "#lab/kubernetes/status.ts";

/** What shall happen to fields that the schema does not know: query parameter `fieldValidation`. */
export type FieldValidation = "Ignore" | "Warn" | "Strict";

export interface FieldRules {
  readonly validation: FieldValidation;
  /** Told to the client in a Warning header. */
  readonly warn: (message: string) => void;
  /** A patch's unknown fields are an invalid object (422), those of a whole object a bad request (400). */
  readonly isPatch: boolean;
  /** What was odd about the body already when it was read. */
  readonly oddities: readonly string[];
}

/** The object without what its schema does not know, with its defaults. A Refusal when the client asked to be strict. */
export function shape(
  object: KubeObject,
  version: KindVersion,
  served: Served,
  rules: FieldRules,
): KubeObject {
  const { metadata, unknown: unknownMetadata } = pruneMetadata({ ...object.metadata });
  const known = { ...object, metadata: metadata as unknown as KubeObject["metadata"] };
  const { object: pruned, unknown: unknownFields } =
    version.schema === null ? { object: known, unknown: [] } : prune(version.schema, known);
  const unknown = [...unknownMetadata, ...unknownFields].toSorted();
  const odd = [...rules.oddities, ...unknown.map((field) => `unknown field "${field}"`)];
  if (odd.length > 0 && rules.validation === "Strict") {
    const message = `strict decoding error: ${odd.join(", ")}`;
    if (!rules.isPatch)
      throw badRequest(
        `${served.kind.kind} in version "${served.version.name}" cannot be handled as a ${served.kind.kind}: ${message}`,
      );
    // The API server names no object here.
    throw invalid({ group: "", kind: "" }, "", [
      { reason: "FieldValueInvalid", field: "patch", message: `Invalid value: ${message}` },
    ]);
  }
  if (rules.validation === "Warn") for (const one of odd) rules.warn(one);
  return (version.schema === null ? pruned : applyDefaults(version.schema, pruned)) as KubeObject;
}

/**
 * A Refusal (422) that names everything that is wrong with the object.
 * @param old what it replaces; null: it is new.
 */
export function check(
  object: KubeObject,
  version: KindVersion,
  served: Served,
  old: KubeObject | null,
  subresource: "status" | null = null,
): void {
  const { metadata } = object;
  const errors =
    version.schema === null
      ? [
          ...ownerErrors(metadata.ownerReferences, "metadata.ownerReferences"),
          ...(served.name === definitionKind ? definitionErrors(object) : []),
        ]
      : validate(version.schema, object, old ?? undefined);
  const mistyped = errors.find(({ reason }) => reason === "FieldValueTypeInvalid");
  // What cannot be read as the Go type of a built-in kind is no such object at all.
  if (mistyped !== undefined && !isCustom(served.kind))
    throw badRequest(
      `${served.kind.kind} in version "${version.name}" cannot be handled as a ${served.kind.kind}: ${mistyped.field}: ${mistyped.message}`,
    );
  if (errors.length === 0) return;
  throw invalid(served.kind, metadata.name, subresource === null ? errors : errors.map(ofStatus));
}

/** Of a status that is written by itself, the API server says where something is from the status on. */
function ofStatus(error: FieldError): FieldError {
  const { field, message } = error;
  if (!/^status\b/.test(field)) return error;
  const place = field.replace(/^status\.?/, "");
  return { ...error, message: message.replace(`${field} in body`, `${place} in body`) };
}
