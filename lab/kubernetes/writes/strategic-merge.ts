import { isJson } from "./incoming.ts";
import type { Json } from "./incoming.ts";

/**
 * Fields of the built-in kinds here whose lists are merged item by item, and by which key (patchMergeKey of the API's Go
 * types, k8s.io/api). Lists of texts that are merged as sets have no key.
 */
const mergeKeys: Readonly<Record<string, string | null>> = {
  ownerReferences: "uid",
  finalizers: null,
  conditions: "type",
  addresses: "type",
  secrets: "name",
  imagePullSecrets: "name",
  taints: "key",
  containers: "name",
  env: "name",
  volumes: "name",
  ports: "port",
};

/** A strategic merge patch, as kubectl sends it for built-in kinds: a merge patch that also merges some lists. */
export function strategicMerge(live: Json, patch: Json): Json {
  if (patch["$patch"] === "replace") return stripped(patch);
  const result: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(patch)) {
    const [, directive, field] =
      /^\$(deleteFromPrimitiveList|setElementOrder)\/(.+)$/.exec(name) ?? [];
    if (directive === "deleteFromPrimitiveList" && field !== undefined) {
      const gone = new Set(listOf(value));
      result[field] = listOf(result[field]).filter((item) => !gone.has(item));
    } else if (name === "$retainKeys") {
      const retained = new Set(listOf(value));
      for (const key of Object.keys(result)) if (!retained.has(key)) delete result[key];
    } else if (name.startsWith("$")) continue;
    else if (value === null || (isJson(value) && value["$patch"] === "delete")) delete result[name];
    else if (isJson(value)) result[name] = strategicMerge(objectOf(result[name]), value);
    else if (Array.isArray(value) && name in mergeKeys)
      result[name] = mergeList(listOf(result[name]), value, mergeKeys[name] ?? null);
    else result[name] = value;
  }
  return result;
}

function mergeList(
  live: readonly unknown[],
  patch: readonly unknown[],
  key: string | null,
): readonly unknown[] {
  if (key === null) return [...new Set([...live, ...patch])];
  const items = new Map(live.map((item) => [objectOf(item)[key], item]));
  for (const item of patch.map(objectOf)) {
    if (item["$patch"] === "delete") items.delete(item[key]);
    else items.set(item[key], strategicMerge(objectOf(items.get(item[key])), item));
  }
  return [...items.values()];
}

function stripped(patch: Json): Json {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith("$")));
}

function objectOf(value: unknown): Json {
  return isJson(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
