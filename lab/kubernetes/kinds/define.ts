import type { Kind, KindVersion, PrinterColumn, ScalePaths } from "./kind.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";

interface Given {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** Served versions, the one that is stored first. */
  readonly versions: readonly [string, ...string[]];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly scope?: Kind["scope"];
  readonly hasStatus?: boolean;
  readonly scale?: ScalePaths;
  readonly columns?: readonly PrinterColumn[];
  readonly specSchema?: StructuralSchema;
}

/** Anything is kept as it is sent. */
export const anything: StructuralSchema = {
  type: "object",
  "x-kubernetes-preserve-unknown-fields": true,
};

/** A list whose items are told apart by one of their fields: server-side apply then merges item by item. */
export function listMap(key: string): StructuralSchema {
  return {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": [key],
    items: {
      type: "object",
      "x-kubernetes-preserve-unknown-fields": true,
      properties: { [key]: { type: "string" } },
      required: [key],
    },
  };
}

/** An object of which only these fields are described. */
export function open(properties: Readonly<Record<string, StructuralSchema>>): StructuralSchema {
  return { ...anything, properties };
}

/** A kind as its operator ships it; its schema says no more than what merging needs. */
export function define(given: Given): Kind {
  const schema = open({
    spec: given.specSchema ?? anything,
    status: open({ conditions: listMap("type") }),
  });
  return {
    group: given.group,
    kind: given.kind,
    plural: given.plural,
    singular: given.kind.toLowerCase(),
    shortNames: given.shortNames ?? [],
    categories: given.categories ?? [],
    scope: given.scope ?? "Namespaced",
    versions: given.versions.map((name, index): KindVersion => ({
      name,
      served: true,
      storage: index === 0,
      schema,
      subresources: { status: given.hasStatus ?? true, scale: given.scale ?? null },
      printerColumns: given.columns ?? [age],
      selectableFields: [],
    })),
  };
}

export const age: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
};

export function text(name: string, jsonPath: string, priority = 0): PrinterColumn {
  return { name, type: "string", jsonPath, priority };
}

export function count(name: string, jsonPath: string, priority = 0): PrinterColumn {
  return { name, type: "integer", jsonPath, priority };
}

/** The status of one condition. */
export function condition(type: string, priority = 0, name = type): PrinterColumn {
  return text(name, `.status.conditions[?(@.type=="${type}")].status`, priority);
}
