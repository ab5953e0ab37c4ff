import type { KubeObject, ObjectMeta } from "#lab/kubernetes/object.ts";
import type { Kind } from "#lab/kubernetes/kinds/kind.ts";
import { conflict, invalid } from "#lab/kubernetes/status.ts";
import { subdomainDetail } from "#lab/kubernetes/schema/metadata-rules.ts";
import { withoutEmpty } from "./incoming.ts";

/** RFC 3339 in seconds, as the API server writes times. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A Refusal (422) when objects cannot have this name (RFC 1123, as Kubernetes reads it). */
export function checkName(kind: Kind, name: string): void {
  if (name.length <= 253 && subdomain.test(name)) return;
  throw invalid(kind, name, [
    {
      reason: "FieldValueInvalid",
      field: "metadata.name",
      message: `Invalid value: "${name}": ${subdomainDetail}`,
    },
  ]);
}

/**
 * The metadata of an update: what only the server writes is kept. A Refusal for a stale resourceVersion or another uid
 * (409), for none at all where one is needed (422), for a new finalizer on what is being deleted (422).
 */
export function updatedMetadata(
  live: KubeObject,
  next: KubeObject,
  kind: Kind,
  isPut: boolean,
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
    const message = `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.uid}`;
    throw conflict(kind, name, message);
  }
  const asked: string | undefined = given.resourceVersion;
  if (asked === undefined && isPut && kind.group !== "") {
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
