import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import type { KindName } from "#lab/kubernetes/object.ts";

/** A kind as the API server serves it: what a CustomResourceDefinition says, or a built-in one. */
export interface Kind {
  /** Empty: the core group. */
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  /** What discovery says that can be done with it; absent: everything. */
  readonly verbs?: readonly string[];
  readonly versions: readonly KindVersion[];
}

export interface KindVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  /** Null: nothing is known, everything is kept. */
  readonly schema: StructuralSchema | null;
  readonly subresources: { readonly status: boolean; readonly scale: ScalePaths | null };
  readonly printerColumns: readonly PrinterColumn[];
  /** True: one of the columns is the name; otherwise the name stands before them. */
  readonly hasOwnName?: boolean;
  /** JSON paths, such as `.spec.clusterName`, that a fieldSelector may name. */
  readonly selectableFields: readonly string[];
}

/** Where a kind's Scale subresource finds its figures. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string | undefined;
}

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  /** The cell out of the first value that the path finds, where a built-in kind prints more than the value. */
  readonly print?: (found: unknown) => string;
  readonly description?: string | undefined;
  readonly format?: string | undefined;
  /** Above 0: only with `-o wide`. */
  readonly priority?: number | undefined;
}

export function nameOfKind({ group, kind }: Pick<Kind, "group" | "kind">): KindName {
  return group === "" ? kind : `${kind}.${group}`;
}

/** `group/version`, or the version alone in the core group. */
export function groupVersion(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The group of an `apiVersion`; empty for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash === -1 ? "" : apiVersion.slice(0, slash);
}

/** The kind that an object says it is of. */
export function kindOfObject(object: {
  readonly apiVersion: string;
  readonly kind: string;
}): KindName {
  return nameOfKind({ group: groupOf(object.apiVersion), kind: object.kind });
}

export function storageVersion(kind: Kind): KindVersion {
  const found = kind.versions.find(({ storage }) => storage) ?? kind.versions[0];
  if (found === undefined) throw new Error(`${nameOfKind(kind)} has no version`);
  return found;
}

/** Whether a CustomResourceDefinition describes the kind, rather than a Go type of the API server. */
export function isCustom({ group }: { readonly group: string }): boolean {
  return group.includes(".") && (!group.endsWith(".k8s.io") || group.endsWith(".x-k8s.io"));
}
