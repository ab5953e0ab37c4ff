import type { KubeObject, ManagedFieldsEntry } from "#lab/kubernetes/object.ts";
import {
  difference,
  type Fields,
  fieldsFromJson,
  fieldsOf,
  fieldsToJson,
  isEmpty,
  noFields,
} from "./fields.ts";

/** Who wrote, and what of it is still theirs. */
export interface Manager {
  readonly entry: Omit<ManagedFieldsEntry, "fieldsType" | "fieldsV1">;
  readonly fields: Fields;
}

/** A manager that applies is one whatever the version it speaks; one that updates is another for each version. */
export function isSameManager(a: Manager["entry"], b: Manager["entry"]): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    (a.operation === "Apply" || a.apiVersion === b.apiVersion)
  );
}

/**
 * Both forms of what managers own, by each other. Neither is ever changed in place, and of an object's managers a write changes
 * one: the others need not be read and written anew each time.
 */
const readForms = new WeakMap<object, Fields>();
const writtenForms = new WeakMap<Fields, object>();

function readFields(json: object): Fields {
  const known = readForms.get(json);
  if (known !== undefined) return known;
  const fields = fieldsFromJson(json);
  readForms.set(json, fields);
  return fields;
}

function writtenFields(fields: Fields): object {
  const known = writtenForms.get(fields);
  if (known !== undefined) return known;
  const json = fieldsToJson(fields);
  writtenForms.set(fields, json);
  readForms.set(json, fields);
  return json;
}

export function managersOf(object: KubeObject | null): readonly Manager[] {
  const entries = object?.metadata.managedFields ?? [];
  return entries.map(({ fieldsV1, fieldsType: _fieldsType, ...entry }) => ({
    entry,
    fields: readFields(fieldsV1),
  }));
}

/** The object with these managers, in the API server's order; one that has no field left is gone. */
export function withManagers(object: KubeObject, managers: readonly Manager[]): KubeObject {
  const managedFields = managers
    .filter(({ fields }) => !isEmpty(fields))
    .toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
    .map(({ entry, fields }): ManagedFieldsEntry => ({
      ...entry,
      fieldsType: "FieldsV1",
      fieldsV1: writtenFields(fields),
    }));
  const { managedFields: _before, ...metadata } = object.metadata;
  if (managedFields.length === 0) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, managedFields } };
}

function sortKey({ entry }: Manager): string {
  const { operation, time, manager, apiVersion, subresource = "" } = entry;
  return [operation, time, manager, apiVersion, subresource].join("\n");
}

/** Fields that the API server itself writes, or that say which object it is: nobody owns them. */
const untracked = fieldsFromJson({
  "f:apiVersion": {},
  "f:kind": {},
  "f:metadata": {
    ".": {},
    "f:name": {},
    "f:namespace": {},
    "f:creationTimestamp": {},
    "f:selfLink": {},
    "f:uid": {},
    "f:generation": {},
    "f:managedFields": {},
    "f:resourceVersion": {},
  },
});

/** The fields of a write that can have an owner. A write to `/status` changes nothing but the status. */
export function trackable(fields: Fields, subresource: string | undefined): Fields {
  const owned = difference(fields, untracked);
  if (subresource !== "status") return owned;
  return fieldsOf(false, [["f:status", owned.children.get("f:status") ?? noFields]]);
}
