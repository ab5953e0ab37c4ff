import type { KubeObject } from "#lab/kubernetes/object.ts";
import { serverSideApply } from "#lab/kubernetes/apply/server-side-apply.ts";
import { groupVersion, storageVersion } from "#lab/kubernetes/kinds/kind.ts";
import { applyConflict, badRequest, invalid, unclassified } from "#lab/kubernetes/status.ts";
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
  if (applied.metadata.managedFields !== undefined)
    throw badRequest("metadata.managedFields must be nil");
  const stored = storageVersion(kind);
  const result = serverSideApply({
    live,
    applied: atVersion(applied, groupVersion(kind.group, stored.name)),
    manager: writing.manager,
    force: isForced,
    schema: stored.schema,
    now: timeText(asked.now),
    ...(subresource === null ? {} : { subresource }),
  });
  switch (result.kind) {
    case "conflict": {
      const { causes } = result;
      const told = causes.map(({ message, field }) => `${message}: ${field}`).join(", ");
      const count = `${causes.length} conflict${causes.length === 1 ? "" : "s"}`;
      throw applyConflict(
        `Apply failed with ${count}: ${told}`,
        causes.map(({ field, message }) => ({ reason: "FieldManagerConflict", message, field })),
      );
    }
    case "unknown-field":
      throw unclassified(result.message);
    case "applied": {
      const untracked = { ...writing, isTracked: false };
      if (live === null) return writer.create(untracked, result.object);
      return writer.update(untracked, live, result.object, { subresource, isVersionNeeded: false });
    }
  }
}
