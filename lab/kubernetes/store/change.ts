import type { KubeObject } from "#lab/kubernetes/object.ts";

/** One step of the cluster's history. */
export interface Change {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** As it is after the change; for DELETED as it was last, with the revision of its end. */
  readonly object: KubeObject;
  /** Null for ADDED. */
  readonly previous: KubeObject | null;
}

/** Where an object stands among those of its kind; lists are in this order. */
export function pathOf(metadata: { readonly namespace?: string; readonly name: string }): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
