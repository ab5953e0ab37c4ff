import { z } from "zod";

const Owner = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
});

/** The part of `metadata` that drivers use. */
export const Meta = z.object({
  name: z.string(),
  namespace: z.string().default(""),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.number().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  finalizers: z.array(z.string()).default([]),
  ownerReferences: z.array(Owner).default([]),
  deletionTimestamp: z.string().optional(),
});
export type Meta = z.infer<typeof Meta>;

/** What every object that is read has. */
export interface HasMeta {
  readonly metadata: Meta;
}

/**
 * A kind of objects: its names in the API, the versions that we can speak (the best first) and the schema of the fields that we
 * read. Schemas take absent fields and ignore unknown ones; a field of another type is an invalid answer.
 */
export interface Kind<T extends HasMeta> {
  /** Empty for the core group. */
  readonly group: string;
  readonly versions: readonly [string, ...string[]];
  readonly kind: string;
  readonly plural: string;
  readonly schema: z.ZodType<T>;
}

/** Where an object is. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** An object as we write it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    /** Of the object that is there: the write is refused when another one has taken its name. */
    readonly uid?: string;
  };
  readonly [field: string]: unknown;
}

/** An operation of RFC 6902; `test` makes the whole patch fail when the object is not what was read. */
export type JsonPatch =
  | { readonly op: "test" | "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/** One segment of a JSON pointer (RFC 6901). */
export const pointerSegment = (name: string): string =>
  name.replaceAll("~", "~0").replaceAll("/", "~1");

export const apiVersionOf = (group: string, version: string): string =>
  group === "" ? version : `${group}/${version}`;

/** `Cluster demo/prod`, as messages name an object. */
export const nameOf = (kind: { readonly kind: string }, at: ObjectName): string =>
  `${kind.kind} ${at.namespace}/${at.name}`;
