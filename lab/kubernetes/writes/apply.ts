import type { KubeObject } from "#lab/kubernetes/object.ts";
import { type FieldConflict, serverSideApply } from "#lab/kubernetes/apply/server-side-apply.ts";
import { groupVersion, storageVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { FieldError } from "#lab/kubernetes/schema/field-error.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import { structureErrors } from "#lab/kubernetes/schema/structure.ts";
import {
  applyConflict,
  conflict,
  invalid,
  resourceText,
  unclassified,
} from "#lab/kubernetes/status.ts";
import { atVersion } from "./incoming.ts";
import { timeText } from "./metadata.ts";
import type { Subresource, Writer, Writing } from "./writer.ts";

export interface Applying {
  readonly writer: Writer;
  readonly writing: Writing;
  readonly live: KubeObject | null;
  readonly applied: KubeObject;
  readonly isForced: boolean;
  readonly subresource: Subresource;
  readonly now: number;
}

/**
 * Server-side apply: the manager's fields become what it says, an object that is not there is created. Refusals: 409 with
 * a cause for each field that another manager owns, unless forced; 500 for a field that the schema does not know, as
 * the real server answers.
 */
export function apply(asked: Applying): KubeObject {
  const { writer, writing, live, applied, isForced, subresource } = asked;
  const { kind } = writing.served;
  if (writing.manager === "") {
    throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
      {
        reason: "FieldValueRequired",
        field: "fieldManager",
        message: "Required value: is required for apply patch",
      },
    ]);
  }
  const stored = storageVersion(kind);
  if (live === null && applied.metadata.uid !== undefined)
    throw conflict(
      kind,
      applied.metadata.name,
      `Operation cannot be fulfilled on ${resourceText(kind)} "${applied.metadata.name}": uid mismatch: the provided object specified uid ${applied.metadata.uid}, and no existing object was found`,
    );
  const isMain = subresource === null && stored.subresources.status;
  const taken = isMain ? without(applied, "status") : applied;
  const wrong = nullErrors(stored.schema, taken);
  if (wrong.length > 0) throw invalid(kind, applied.metadata.name, wrong);
  const result = serverSideApply({
    live,
    applied: atVersion(taken, groupVersion(kind.group, stored.name)),
    manager: writing.manager,
    force: isForced,
    schema: stored.schema,
    now: timeText(asked.now),
    ...(subresource === null ? {} : { subresource }),
  });
  switch (result.kind) {
    case "conflict": {
      const { causes } = result;
      throw applyConflict(
        conflictMessage(causes),
        causes.map(({ field, message }) => ({ reason: "FieldManagerConflict", message, field })),
      );
    }
    case "unknown-field":
      throw unclassified(result.message);
    case "applied": {
      const untracked = { ...writing, isTracked: false };
      if (live === null) return writer.create(untracked, unversioned(result.object));
      return writer.update(untracked, live, result.object, { subresource, isVersionNeeded: false });
    }
  }
}

/** One conflict in one line; more of them under who they are with. */
function conflictMessage(causes: readonly FieldConflict[]): string {
  const [first] = causes;
  if (causes.length === 1 && first !== undefined)
    return `Apply failed with 1 conflict: ${first.message}: ${first.field}`;
  const others = [...new Set(causes.map(({ message }) => message))].toSorted();
  const lines = others.flatMap((other) => [
    `${other.replace(/^conflict/, "conflicts")}:`,
    ...causes.filter(({ message }) => message === other).map(({ field }) => `- ${field}`),
  ]);
  return `Apply failed with ${causes.length} conflicts: ${lines.join("\n")}`;
}

/** An applied null is a value like another, and few fields may have it. */
function nullErrors(schema: StructuralSchema | null, applied: KubeObject): readonly FieldError[] {
  if (schema === null) return [];
  return structureErrors(schema, applied, "").filter(({ message }) => message.endsWith(': "null"'));
}

/** The version that an apply names is that of the object it changes: to create one it means nothing. */
function unversioned(object: KubeObject): KubeObject {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject["metadata"] };
}

function without(object: KubeObject, field: string): KubeObject {
  const { [field]: _field, ...rest } = object;
  return rest as KubeObject;
}
