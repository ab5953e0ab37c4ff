import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { JsonObject } from "#lab/kubernetes/schema/json.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import { compare, saidFields } from "./compare.ts";
import {
  difference,
  type Fields,
  fieldPaths,
  intersection,
  isEmpty,
  noFields,
  sameFields,
  union,
} from "./fields.ts";
import { isSameManager, type Manager, managersOf, trackable, withManagers } from "./managers.ts";
import { merge, takeAway } from "./merge.ts";
import { objectSchema } from "./object-schema.ts";
import { typingProblems } from "./typing.ts";

/** What a client applies: only what it wants to own, so most of an object's metadata is missing. */
export interface AppliedObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject;
}

export interface Apply {
  /** Null: the apply creates the object. */
  readonly live: KubeObject | null;
  /** Of the version that is stored, without what the (sub)resource does not take (the status of a main resource that has `/status`). */
  readonly applied: AppliedObject | KubeObject;
  readonly manager: string;
  /** Whether fields of other managers are taken from them. */
  readonly force: boolean;
  /** Null: nothing is known. Then maps are united and lists replaced. */
  readonly schema: StructuralSchema | null;
  /** RFC 3339 in seconds. */
  readonly now: string;
  readonly subresource?: string;
}

export type Applied =
  | { readonly kind: "applied"; readonly object: KubeObject }
  | { readonly kind: "conflict"; readonly causes: readonly FieldConflict[] }
  /** The object does not fit its schema, which the API server answers with 500. */
  | { readonly kind: "unknown-field"; readonly message: string };

/** A cause of reason `FieldManagerConflict`. */
export interface FieldConflict {
  /** Such as `.spec.replicas`. */
  readonly field: string;
  readonly manager: string;
  readonly message: string;
}

/**
 * Server-side apply as the API server does it (structured-merge-diff): the object gets what was applied, loses what this manager applied
 * before and no longer does unless somebody else owns it, and the manager owns what it applied. A field that another manager
 * owns with another value is a conflict; with the same value it is shared. The same apply again changes nothing, the times of
 * the managed fields included. A new object has only what was applied: its uid and times are the caller's to give.
 */
export function serverSideApply(apply: Apply): Applied {
  const { live, applied, force } = apply;
  const schema = objectSchema(apply.schema);
  const said = withoutManagedFields(applied);
  const problems = typingProblems(schema, said);
  if (problems.length > 0) return { kind: "unknown-field", message: typingMessage(said, problems) };

  const entry = applyEntry(apply);
  const before = managersOf(live);
  const last = before.find((one) => isSameManager(one.entry, entry));
  const others = before.filter((one) => one !== last);
  const owns = trackable(saidFields(schema, said), apply.subresource);

  const merged = merge(schema, live ?? {}, said);
  const lastFields = last?.fields ?? noFields;
  const kept = others.reduce((all, { fields }) => union(all, fields), owns);
  const result = takeAway(schema, merged, { gone: lastFields, kept });
  const { changed, removed } = compare(schema, live ?? {}, result);

  const causes = others.flatMap((other) => conflictsWith(other, changed));
  if (causes.length > 0 && !force) return { kind: "conflict", causes };
  const lost = union(changed, removed);
  const left = others.map((one) => ({ ...one, fields: difference(one.fields, lost) }));
  // A new object is what was applied: the rest of its metadata is not known here.
  const object = result as KubeObject;
  if (live !== null && isDeepStrictEqual(result, live) && sameFields(lastFields, owns))
    return { kind: "applied", object: live };
  // An apply that changes but who owns what has no time of its own.
  const isSame = live !== null && isDeepStrictEqual(unmanaged(result), unmanaged(live));
  const { time: _now, ...untimed } = entry;
  const owner = isSame ? { ...untimed, ...timeOf(last) } : entry;
  return {
    kind: "applied",
    object: withManagers(object, [...left, { entry: owner, fields: owns }]),
  };
}

function unmanaged(object: unknown): unknown {
  const { metadata, ...rest } = object as KubeObject;
  const { managedFields: _managed, ...others } = metadata;
  return { ...rest, metadata: others };
}

function timeOf(last: Manager | undefined): { readonly time?: string } {
  return last?.entry.time === undefined ? {} : { time: last.entry.time };
}

function applyEntry({ applied, manager, now, subresource }: Apply): Manager["entry"] {
  return {
    manager,
    operation: "Apply",
    apiVersion: applied.apiVersion,
    time: now,
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function withoutManagedFields(applied: AppliedObject | KubeObject): AppliedObject {
  const { managedFields: _managed, ...metadata }: JsonObject = { ...applied.metadata };
  return { ...applied, metadata };
}

/** What another manager would lose, if the value changes. */
function conflictsWith({ entry, fields }: Manager, changed: Fields): FieldConflict[] {
  const lost = intersection(fields, changed);
  if (isEmpty(lost)) return [];
  const { manager, subresource, operation, apiVersion } = entry;
  const name = JSON.stringify(manager);
  const of =
    subresource === undefined ? name : `${name} with subresource ${JSON.stringify(subresource)}`;
  const who = operation === "Update" ? `${of} using ${apiVersion}` : of;
  return fieldPaths(lost).map((field) => ({ field, manager, message: `conflict with ${who}` }));
}

function typingMessage(
  { apiVersion, kind, metadata }: AppliedObject,
  problems: readonly string[],
): string {
  const { namespace = "", name = "" } = metadata;
  const told =
    problems.length === 1
      ? problems[0]
      : `errors:\n${problems.map((one) => `  ${one}`).join("\n")}`;
  return `failed to create typed patch object (${String(namespace)}/${String(name)}; ${apiVersion}, Kind=${kind}): ${told}`;
}
