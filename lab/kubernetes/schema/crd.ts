import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import type { Kind, KindVersion } from "#lab/kubernetes/kinds/kind.ts";
import { isObject } from "./json.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** What the API server learns from one CustomResourceDefinition: a kind of which the schema is known. */
export interface CustomResource extends Kind {
  readonly listKind: string;
  readonly versions: readonly CustomResourceVersion[];
}

export interface CustomResourceVersion extends KindVersion {
  readonly schema: StructuralSchema;
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
