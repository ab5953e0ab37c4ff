import type { KubeObject } from "#lab/kubernetes/object.ts";
import { definitionKind } from "#lab/kubernetes/kinds/definition.ts";
import type { KindVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import { applyDefaults } from "#lab/kubernetes/schema/defaults.ts";
import { definitionErrors } from "#lab/kubernetes/schema/definition-rules.ts";
import { ownerErrors } from "#lab/kubernetes/schema/owner-rules.ts";
import { prune } from "#lab/kubernetes/schema/prune.ts";
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
}

/** The object without what its schema does not know, with its defaults. A Refusal when the client asked to be strict. */
export function shape(
  object: KubeObject,
  version: KindVersion,
  served: Served,
  rules: FieldRules,
): KubeObject {
  if (version.schema === null) return object;
  const { object: pruned, unknown } = prune(version.schema, object);
  if (unknown.length > 0 && rules.validation === "Strict") {
    const fields = unknown.map((field) => `unknown field "${field}"`).join(", ");
    const message = `strict decoding error: ${fields}`;
    if (!rules.isPatch)
      throw badRequest(
        `${served.kind.kind} in version "${served.version.name}" cannot be handled as a ${served.kind.kind}: ${message}`,
      );
    // The API server names no object here.
    throw invalid({ group: "", kind: "" }, "", [
      { reason: "FieldValueInvalid", field: "patch", message: `Invalid value: ${message}` },
    ]);
  }
  if (rules.validation === "Warn")
    for (const field of unknown) rules.warn(`unknown field "${field}"`);
  return applyDefaults(version.schema, pruned) as KubeObject;
}

/** A Refusal (422) that names everything that is wrong with the object. */
export function check(object: KubeObject, version: KindVersion, served: Served): void {
  const errors =
    version.schema === null
      ? [
          ...ownerErrors(object.metadata.ownerReferences, "metadata.ownerReferences"),
          ...(served.name === definitionKind ? definitionErrors(object) : []),
        ]
      : validate(version.schema, object);
  if (errors.length > 0) throw invalid(served.kind, object.metadata.name, errors);
}
