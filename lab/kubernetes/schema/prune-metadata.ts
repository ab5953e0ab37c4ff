import { isList, isObject, type JsonObject } from "./json.ts";

/** ObjectMeta and OwnerReference of meta.k8s.io/v1. */
const metadataFields: ReadonlySet<string> = new Set([
  "name",
  "generateName",
  "namespace",
  "selfLink",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "labels",
  "annotations",
  "ownerReferences",
  "finalizers",
  "managedFields",
]);
const ownerFields: ReadonlySet<string> = new Set([
  "apiVersion",
  "kind",
  "name",
  "uid",
  "controller",
  "blockOwnerDeletion",
]);

/** Metadata without what no object's has; `unknown` are the paths of what was dropped. */
export function pruneMetadata(metadata: JsonObject): {
  readonly metadata: JsonObject;
  readonly unknown: readonly string[];
} {
  const unknown: string[] = [];
  const known = only(metadataFields, metadata, "metadata", unknown);
  const owners = known["ownerReferences"];
  if (!isList(owners)) return { metadata: known, unknown };
  const ownerReferences = owners.map((owner, index) =>
    isObject(owner)
      ? only(ownerFields, owner, `metadata.ownerReferences[${index}]`, unknown)
      : owner,
  );
  return { metadata: { ...known, ownerReferences }, unknown };
}

/** The object itself when nothing of it is unknown. */
function only(
  fields: ReadonlySet<string>,
  object: JsonObject,
  path: string,
  unknown: string[],
): JsonObject {
  const odd = Object.keys(object).filter((field) => !fields.has(field));
  if (odd.length === 0) return object;
  unknown.push(...odd.map((field) => `${path}.${field}`));
  return Object.fromEntries(Object.entries(object).filter(([field]) => fields.has(field)));
}
