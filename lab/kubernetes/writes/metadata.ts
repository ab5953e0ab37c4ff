import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ObjectMeta } from "#lab/kubernetes/object.ts";
import { isCustom, type Kind } from "#lab/kubernetes/kinds/kind.ts";
import { conflict, invalid, resourceText, unclassified } from "#lab/kubernetes/status.ts";
import type { Cause } from "#lab/kubernetes/status.ts";
import { subdomainDetail } from "#lab/kubernetes/schema/metadata-rules.ts";
import { withoutEmpty } from "./incoming.ts";

/** RFC 3339 in seconds, as the API server writes times. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A Refusal (422) when objects cannot have this name (RFC 1123, as Kubernetes reads it). */
export function checkName(kind: Kind, { name, generateName = "" }: NewName): void {
  // What is behind the last dash of a prefix is filled up by the server.
  const causes = [
    ...nameCauses("metadata.generateName", generateName.replace(/-$/, "")).map((cause) => ({
      ...cause,
      message: cause.message.replace(/"[^"]*"/, JSON.stringify(generateName)),
    })),
    ...nameCauses("metadata.name", name),
  ];
  if (causes.length > 0) throw invalid(kind, name, causes);
}

interface NewName {
  readonly name: string;
  readonly generateName?: string;
}

function nameCauses(field: string, name: string): readonly Cause[] {
  if (name === "" && field !== "metadata.name") return [];
  const cause = (detail: string): Cause => ({
    reason: "FieldValueInvalid",
    field,
    message: `Invalid value: "${name}": ${detail}`,
  });
  return [
    ...(name.length > 253 ? [cause("must be no more than 253 characters")] : []),
    ...(subdomain.test(name) ? [] : [cause(subdomainDetail)]),
  ];
}

/**
 * The metadata of an update: what only the server writes is kept. A Refusal for a stale resourceVersion or another uid
 * (409), for none at all where one is needed (422), for a new finalizer on what is being deleted (422).
 */
export function updatedMetadata(
  live: KubeObject,
  next: KubeObject,
  kind: Kind,
  { isPut, isVersionNeeded }: { readonly isPut: boolean; readonly isVersionNeeded: boolean },
): ObjectMeta {
  const { metadata: old } = live;
  const { metadata: given } = next;
  const { name } = old;
  if (given.uid !== undefined && given.uid !== old.uid) {
    // A PUT names with its uid the object that it means; a patch that changes it would change the object.
    if (!isPut)
      throw invalid(kind, name, [
        {
          reason: "FieldValueInvalid",
          field: "metadata.uid",
          message: `Invalid value: "${given.uid}": field is immutable`,
        },
      ]);
    const key = ["/registry", kind.group, kind.plural, old.namespace ?? "", name]
      .filter((part) => part !== "")
      .join("/");
    throw conflict(
      kind,
      name,
      `Operation cannot be fulfilled on ${resourceText(kind)} "${name}": StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.uid}`,
    );
  }
  checkUnchanged(old, given, kind);
  const asked: string | undefined =
    given.resourceVersion === "0" ? undefined : given.resourceVersion;
  if (asked !== undefined && !/^\d+$/.test(asked))
    throw unclassified(`strconv.ParseUint: parsing "${asked}": invalid syntax`);
  if (asked === undefined && isVersionNeeded && kind.group !== "") {
    throw invalid({ group: kind.group, kind: kind.plural }, name, [
      {
        reason: "FieldValueInvalid",
        field: "metadata.resourceVersion",
        message: "Invalid value: 0: must be specified for an update",
      },
    ]);
  }
  if (asked !== undefined && asked !== old.resourceVersion) throw stale(kind, name);
  const finalizers = given.finalizers ?? [];
  const added = finalizers.filter((one) => !(old.finalizers ?? []).includes(one));
  if (old.deletionTimestamp !== undefined && added.length > 0) {
    const list = added.map((one) => `"${one}"`).join(", ");
    throw invalid(kind, name, [
      {
        reason: "FieldValueForbidden",
        field: "metadata.finalizers",
        message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
      },
    ]);
  }
  return kept(withoutEmpty({ ...given }) as unknown as ObjectMeta, old);
}

const ownFinalizers: ReadonlySet<string> = new Set(["orphan", "foregroundDeletion", "kubernetes"]);

/** What the API server says of finalizers of custom resources that whoever else may use as well. */
export function finalizerWarnings(
  kind: Kind,
  old: ObjectMeta | null,
  { finalizers = [] }: ObjectMeta,
): readonly string[] {
  if (!isCustom(kind) || isDeepStrictEqual(old?.finalizers ?? [], finalizers)) return [];
  return finalizers
    .filter((name) => !name.includes("/") && !ownFinalizers.has(name))
    .map(
      (name) =>
        `metadata.finalizers: "${name}": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers`,
    );
}

/** When something ends is the server's to say. Leaving it out changes nothing. */
function checkUnchanged(old: ObjectMeta, given: ObjectMeta, kind: Kind): void {
  for (const field of ["deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    if (given[field] === undefined || given[field] === old[field]) continue;
    throw invalid(kind, old.name, [
      {
        reason: "FieldValueInvalid",
        field: `metadata.${field}`,
        message: `Invalid value: ${JSON.stringify(given[field])}: field is immutable`,
      },
    ]);
  }
}

export function stale(kind: Kind, name: string): Error {
  const resource = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
  return conflict(
    kind,
    name,
    `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
  );
}

function kept(given: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const { generation, deletionTimestamp, deletionGracePeriodSeconds } = old;
  const {
    generation: _generation,
    deletionTimestamp: _deletion,
    deletionGracePeriodSeconds: _grace,
    ...rest
  } = given;
  return {
    ...rest,
    uid: old.uid,
    resourceVersion: old.resourceVersion,
    creationTimestamp: old.creationTimestamp,
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}
