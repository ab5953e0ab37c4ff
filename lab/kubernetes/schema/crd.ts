import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { isObject } from "./json.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** What the API server learns from one CustomResourceDefinition. */
export interface CustomResource {
  readonly group: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  readonly versions: readonly CustomResourceVersion[];
}

export interface CustomResourceVersion {
  readonly name: string;
  readonly served: boolean;
  /** True for exactly one version. */
  readonly storage: boolean;
  readonly schema: StructuralSchema;
  readonly subresources: {
    readonly status: boolean;
    /** Null: no `/scale`. */
    readonly scale: ScalePaths | null;
  };
  readonly printerColumns: readonly PrinterColumn[];
  /** JSON paths (`.spec.host`) that a field selector may name. */
  readonly selectableFields: readonly string[];
}

/** JSON paths (`.spec.replicas`) of what `/scale` reads and writes. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string | undefined;
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly description?: string | undefined;
  readonly format?: string | undefined;
  /** Columns of a priority above 0 are shown in wide tables only. */
  readonly priority: number;
}

const Version = z
  .object({
    name: z.string(),
    served: z.boolean(),
    storage: z.boolean(),
    schema: z
      .object({ openAPIV3Schema: z.custom<StructuralSchema>(isObject) })
      .default({ openAPIV3Schema: { "x-kubernetes-preserve-unknown-fields": true } }),
    subresources: z
      .object({
        status: z.object({}).nullish(),
        scale: z
          .object({
            specReplicasPath: z.string(),
            statusReplicasPath: z.string(),
            labelSelectorPath: z.string().optional(),
          })
          .nullish(),
      })
      .nullish(),
    additionalPrinterColumns: z
      .array(
        z.object({
          name: z.string(),
          type: z.string(),
          jsonPath: z.string(),
          description: z.string().optional(),
          format: z.string().optional(),
          priority: z.number().default(0),
        }),
      )
      .nullish(),
    selectableFields: z.array(z.object({ jsonPath: z.string() })).nullish(),
  })
  .transform((version): CustomResourceVersion => ({
    name: version.name,
    served: version.served,
    storage: version.storage,
    schema: version.schema.openAPIV3Schema,
    subresources: {
      // `status: {}` switches it on: it has no fields of its own.
      status: isObject(version.subresources?.status),
      scale: version.subresources?.scale ?? null,
    },
    printerColumns: version.additionalPrinterColumns ?? [],
    selectableFields: version.selectableFields?.map(({ jsonPath }) => jsonPath) ?? [],
  }));

const Definition = z
  .object({
    spec: z.object({
      group: z.string(),
      scope: z.enum(["Namespaced", "Cluster"]),
      names: z.object({
        kind: z.string(),
        listKind: z.string().optional(),
        plural: z.string(),
        singular: z.string().optional(),
        shortNames: z.array(z.string()).nullish(),
        categories: z.array(z.string()).nullish(),
      }),
      versions: z.array(Version),
    }),
  })
  .transform(({ spec: { group, scope, names, versions } }): CustomResource => ({
    group,
    scope,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    versions,
  }));

/**
 * The CustomResourceDefinitions (apiextensions.k8s.io/v1) of a manifest, which may hold several documents, lists and objects of other
 * kinds; those are passed over. Throws when the YAML or a definition cannot be read.
 */
export function readCrds(yamlText: string): readonly CustomResource[] {
  return readObjects(yamlText)
    .filter((object) => object["kind"] === "CustomResourceDefinition")
    .map(readCrd);
}

/** One CustomResourceDefinition that is parsed already. Throws when it cannot be read. */
export function readCrd(object: unknown): CustomResource {
  return Definition.parse(object);
}

/**
 * The definitions of all `.yaml` files of a folder and the folders in it. What stands twice is returned twice. Throws when the
 * folder or a definition cannot be read.
 */
export function readCrdFolder(folder: string): readonly CustomResource[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .toSorted()
    .flatMap((file) => readCrds(readFileSync(join(folder, file), "utf8")));
}

/** The objects of a manifest in their order; a `List` is opened, empty documents are passed over. Throws on broken YAML. */
export function readObjects(yamlText: string): readonly { readonly [field: string]: unknown }[] {
  return parseAllDocuments(yamlText).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const object: unknown = document.toJS();
    if (!isObject(object)) return [];
    if (object["kind"] !== "List" || !Array.isArray(object["items"])) return [object];
    return object["items"].filter(isObject);
  });
}
