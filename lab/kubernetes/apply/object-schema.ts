import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";

const text: StructuralSchema = { type: "string" };
const texts: StructuralSchema = { type: "object", additionalProperties: text };

/** ObjectMeta of meta.k8s.io/v1, as far as it decides who owns what. */
const metadata: StructuralSchema = {
  type: "object",
  properties: {
    name: text,
    generateName: text,
    namespace: text,
    uid: text,
    resourceVersion: text,
    selfLink: text,
    generation: { type: "integer" },
    creationTimestamp: { ...text, nullable: true },
    deletionTimestamp: text,
    deletionGracePeriodSeconds: { type: "integer" },
    labels: texts,
    annotations: texts,
    finalizers: { type: "array", items: text, "x-kubernetes-list-type": "set" },
    ownerReferences: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["uid"],
      items: {
        type: "object",
        "x-kubernetes-map-type": "atomic",
        "x-kubernetes-preserve-unknown-fields": true,
      },
    },
    managedFields: { type: "array", items: { "x-kubernetes-preserve-unknown-fields": true } },
  },
};

const made = new WeakMap<StructuralSchema, StructuralSchema>();
const free = complete({ "x-kubernetes-preserve-unknown-fields": true });

/** The schema of a whole object: its kind's (null: nothing is known) and what every object has. */
export function objectSchema(schema: StructuralSchema | null): StructuralSchema {
  if (schema === null) return free;
  const known = made.get(schema);
  if (known !== undefined) return known;
  const whole = complete(schema);
  made.set(schema, whole);
  return whole;
}

function complete(schema: StructuralSchema): StructuralSchema {
  return {
    ...schema,
    properties: { ...schema.properties, apiVersion: text, kind: text, metadata },
  };
}
