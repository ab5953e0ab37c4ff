import { findAll } from "#lab/kubernetes/kinds/json-path.ts";
import { groupVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { PrinterColumn } from "#lab/kubernetes/kinds/kind.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { atVersion } from "#lab/kubernetes/writes/incoming.ts";

export interface TableOptions {
  /** How much of each object a row brings along: query parameter `includeObject`. */
  readonly includeObject: string | null;
  readonly now: number;
}

const nameColumn: PrinterColumn = {
  name: "Name",
  type: "string",
  format: "name",
  jsonPath: ".metadata.name",
  description:
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
};

const ageColumn: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description:
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
};

/** The objects as the server prints them for `kubectl get` (meta.k8s.io/v1 Table). */
export function tableOf(
  objects: readonly KubeObject[],
  metadata: unknown,
  served: Served,
  options: TableOptions,
): Record<string, unknown> {
  const { printerColumns, hasOwnName = false } = served.version;
  const own = printerColumns.length === 0 ? [ageColumn] : printerColumns;
  const columns = hasOwnName ? own : [nameColumn, ...own];
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columns.map(({ name, type, format, description, priority, jsonPath }) => ({
      name,
      type,
      format: format ?? "",
      description:
        description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
      priority: priority ?? 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => cell(column, object, options.now)),
      object: included(object, served, options.includeObject),
    })),
  };
}

function included(object: KubeObject, served: Served, include: string | null): unknown {
  if (include === "None") return null;
  if (include === "Object")
    return atVersion(object, groupVersion(served.kind.group, served.version.name));
  return metadataOnly(object);
}

/** An object of which only the metadata is told (meta.k8s.io/v1). */
export function metadataOnly({ metadata }: KubeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

function cell(column: PrinterColumn, object: KubeObject, now: number): unknown {
  const found = findAll(column.jsonPath, object);
  const [first] = found;
  if (column.print !== undefined) return column.print(first);
  // A bookmark has no name.
  if (column === nameColumn) return first ?? "";
  if (first === undefined || first === null) return column.type === "date" ? "<unknown>" : null;
  switch (column.type) {
    case "date":
      return typeof first === "string" ? ageText(now - Date.parse(first)) : "<invalid>";
    case "integer":
    case "number":
      return typeof first === "number" ? first : Number(first);
    case "boolean":
      return first === true || first === "true";
    default:
      return found
        .map((value) => (typeof value === "object" ? JSON.stringify(value) : String(value)))
        .join(",");
  }
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** An age as kubectl writes it: the two largest units while they say something, `5m12s`, `3h7m`, `2d4h`, `90d`. */
export function ageText(ms: number): string {
  if (ms < -second) return "<invalid>";
  const age = Math.max(0, ms);
  if (age < 2 * minute) return `${Math.floor(age / second)}s`;
  if (age < 10 * minute) return two(age, minute, "m", second, "s");
  if (age < 3 * hour) return `${Math.floor(age / minute)}m`;
  if (age < 8 * hour) return two(age, hour, "h", minute, "m");
  if (age < 2 * day) return `${Math.floor(age / hour)}h`;
  if (age < 8 * day) return two(age, day, "d", hour, "h");
  if (age < 2 * 365 * day) return `${Math.floor(age / day)}d`;
  return two(age, 365 * day, "y", day, "d");
}

function two(age: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((age % big) / small);
  return `${Math.floor(age / big)}${bigName}${rest === 0 ? "" : `${rest}${smallName}`}`;
}
