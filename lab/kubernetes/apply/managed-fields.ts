import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import { compare } from "./compare.ts";
import { difference, intersection, isEmpty, noFields, union } from "./fields.ts";
import { isSameManager, type Manager, managersOf, trackable, withManagers } from "./managers.ts";
import { objectSchema } from "./object-schema.ts";

export interface Update {
  /** Null for a create. */
  readonly live: KubeObject | null;
  readonly next: KubeObject;
  readonly manager: string;
  /** The version that the client spoke. */
  readonly apiVersion: string;
  /** RFC 3339 in seconds. */
  readonly now: string;
  readonly subresource?: string;
  /** Without it all lists are owned as a whole, except those of `metadata`. */
  readonly schema?: StructuralSchema | null;
}

/**
 * The object with the managed fields that a write other than an apply leaves: what it changed or added is the manager's and
 * nobody else's, what it took away is nobody's. The fields that `next` itself brings in `metadata.managedFields` do not count. A
 * write that changes nothing leaves the managed fields as they were, and so does one to an object that has none.
 */
export function trackUpdate(update: Update): KubeObject {
  const { live, next, manager, apiVersion, now, subresource, schema = null } = update;
  const before = managersOf(live);
  const { changed, removed } = compare(objectSchema(schema), live ?? {}, next);
  const taken = trackable(changed, subresource);
  if (isEmpty(taken) && isEmpty(removed)) return withManagers(next, before);
  // Of what nobody owns a part, the API server does not begin to note who does; /scale sees but the number.
  const known =
    subresource === "scale"
      ? before.filter(({ fields }) => !isEmpty(intersection(fields, changed)))
      : before;
  if (live !== null && known.length === 0) return withManagers(next, before);
  const entry: Manager["entry"] = {
    manager,
    operation: "Update",
    apiVersion,
    // The API server notes no time for what comes through /scale.
    ...(subresource === "scale" ? {} : { time: now }),
    ...(subresource === undefined ? {} : { subresource }),
  };
  const owned = before.find((one) => isSameManager(one.entry, entry));
  const others = before
    .filter((one) => one !== owned)
    .map((one) => ({ ...one, fields: difference(one.fields, union(taken, removed)) }));
  const fields = union(difference(owned?.fields ?? noFields, removed), taken);
  // Its time is that of the last write with which it took something.
  const isOld = owned !== undefined && isEmpty(taken);
  return withManagers(next, [...others, { entry: isOld ? owned.entry : entry, fields }]);
}
