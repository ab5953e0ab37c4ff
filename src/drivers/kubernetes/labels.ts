import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { type HasMeta, nameOf, type ObjectName } from "./object.ts";

/** The manager of every field that we write (server-side apply, `kubectl get --show-managed-fields`). */
export const fieldManager = "millwright";

/** The run that made an object. */
const runLabel = "millwright.dev/run";
/** The cluster, virtual machine or server that an object belongs to. What lacks it is never touched. */
export const resourceLabel = "millwright.dev/resource";

/** The labels of every object that we make; ids are label values as they are. A dry run has no run. */
export const ownLabels = (owner: {
  readonly run: RunId | null;
  readonly id: string;
}): Readonly<Record<string, string>> => ({
  ...(owner.run === null ? {} : { [runLabel]: owner.run }),
  [resourceLabel]: owner.id,
});

export const isOurs = ({ metadata }: HasMeta, id: string): boolean =>
  metadata.labels[resourceLabel] === id;

/** The object, when it belongs to `id`; CONFLICT when it is anybody else's. */
export const assertOurs = <T extends HasMeta>(
  kind: { readonly kind: string },
  object: T,
  id: string,
): T => {
  if (isOurs(object, id)) return object;
  const at: ObjectName = object.metadata;
  const owner = object.metadata.labels[resourceLabel];
  throw new Failure(
    "CONFLICT",
    owner === undefined
      ? `${nameOf(kind, at)} is there and was not made by Millwright`
      : `${nameOf(kind, at)} is there and belongs to ${owner}`,
    {
      details: {
        reason: "not-ours",
        object: `${kind.kind}/${at.name}`,
        namespace: at.namespace,
        ...(owner === undefined ? {} : { owner }),
      },
    },
  );
};
