import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { KubernetesPlace } from "#contract/cluster.ts";
import { jsonOf } from "#drivers/kubernetes/answer.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import { type ClusterTemplate, clusterTemplateKind, configMapKind, type Values } from "./kinds.ts";

/** The part of a Helm chart's `values.schema.json` that we look at. */
interface ValuesSchema {
  readonly properties?: Readonly<Record<string, ValuesSchema>> | undefined;
  readonly additionalProperties?: unknown;
}

const ValuesSchema: z.ZodType<ValuesSchema> = z.object({
  properties: z.lazy(() => z.record(z.string(), ValuesSchema)).optional(),
  additionalProperties: z.unknown().optional(),
});

/** A ClusterTemplate and what its values are. */
export interface Template {
  readonly name: string;
  readonly kubernetesVersion: string;
  /** True when the chart has a value at this path, by its schema or its defaults. */
  knows(path: readonly string[]): boolean;
  /** The chart's own value at this path; undefined without one. */
  defaultAt(path: readonly string[]): unknown;
  /** Names at the top of the values that the chart's schema forbids. */
  unknown(values: Values): readonly string[];
}

/** k0rdent writes some versions without the `v` that Cluster API's have. */
export const withV = (version: string): string =>
  version === "" || version.startsWith("v") ? version : `v${version}`;

export const wrongTemplate = (why: string): Failure =>
  new Failure("VALIDATION_ERROR", `the template cannot be used: ${why}`, {
    details: { fields: { template: why } },
  });

/** What stands at a path of values; undefined: nothing. */
export const valueAt = (values: unknown, [first, ...rest]: readonly string[]): unknown =>
  first === undefined ? values : isRecord(values) ? valueAt(values[first], rest) : undefined;

const isRecord = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const inDefaults = (values: unknown, [first, ...rest]: readonly string[]): boolean =>
  first === undefined || (isRecord(values) && first in values && inDefaults(values[first], rest));

const inSchema = (schema: ValuesSchema | undefined, [first, ...rest]: readonly string[]): boolean =>
  schema !== undefined && (first === undefined || inSchema(schema.properties?.[first], rest));

const templateOf = (
  { metadata, status }: ClusterTemplate,
  schema: ValuesSchema | undefined,
): Template => ({
  name: metadata.name,
  kubernetesVersion: withV(status.k8sVersion),
  knows: (path) => inDefaults(status.config, path) || inSchema(schema, path),
  defaultAt: (path) => valueAt(status.config, path),
  unknown: (values) =>
    schema?.additionalProperties === false
      ? Object.keys(values).filter((name) => !inSchema(schema, [name]))
      : [],
});

/**
 * Reads the template and the schema of its values. VALIDATION_ERROR when it is not there or k0rdent calls it invalid. Which key of the ConfigMap
 * holds the schema is not promised: the one that is a JSON object counts.
 */
export const readTemplate = async (
  client: KubernetesClient,
  { namespace }: KubernetesPlace,
  name: string | null,
  options: ReadOptions,
): Promise<Template> => {
  if (name === null) throw wrongTemplate("is required");
  const found = await client.read(clusterTemplateKind, { namespace, name }, options);
  if (found === null) throw wrongTemplate(`there is no ClusterTemplate ${namespace}/${name}`);
  const { valid, validationError, schemaConfigMapName } = found.status;
  if (!valid) throw wrongTemplate(`k0rdent calls it invalid: ${validationError || "not yet seen"}`);
  if (schemaConfigMapName === "") return templateOf(found, undefined);
  const map = await client.read(configMapKind, { namespace, name: schemaConfigMapName }, options);
  const [schema] = Object.values(map?.data ?? {}).flatMap((text) => {
    const parsed = ValuesSchema.safeParse(jsonOf(text));
    return parsed.success ? [parsed.data] : [];
  });
  return templateOf(found, schema);
};
