import type { Kinds, Served } from "#lab/kubernetes/kinds/registry.ts";

/** What a path below `/api` or `/apis` names. */
export interface Target {
  readonly served: Served;
  /** Null: all namespaces, or a cluster-scoped kind. */
  readonly namespace: string | null;
  /** Null: the whole list. */
  readonly name: string | null;
  readonly subresource: string | null;
}

/** Group, version and the rest of a resource's path; undefined for any other path. */
export function splitPath(
  segments: readonly string[],
):
  | { readonly group: string; readonly version: string; readonly rest: readonly string[] }
  | undefined {
  const [root, first, second, ...rest] = segments;
  if (root === "api" && first !== undefined)
    return { group: "", version: first, rest: second === undefined ? [] : [second, ...rest] };
  if (root === "apis" && first !== undefined && second !== undefined)
    return { group: first, version: second, rest };
  return undefined;
}

/** The resource that a path names; undefined when there is none, which is a 404 in plain text. */
export function targetOf(segments: readonly string[], kinds: Kinds): Target | undefined {
  const split = splitPath(segments);
  if (split === undefined || split.rest.length === 0) return undefined;
  const { group, version, rest } = split;
  const [first, namespace, plural, name, subresource, ...more] = rest;
  if (first === "namespaces" && namespace !== undefined && plural !== undefined) {
    const served = kinds.at(group, version, plural);
    if (served !== undefined && more.length === 0 && served.kind.scope === "Namespaced")
      return { served, namespace, name: name ?? null, subresource: subresource ?? null };
  }
  const [list, one, part, ...beyond] = rest;
  const served = kinds.at(group, version, list ?? "");
  if (served === undefined || beyond.length > 0) return undefined;
  // One object of a namespaced kind is reached through its namespace only.
  if (served.kind.scope === "Namespaced" && one !== undefined) return undefined;
  return { served, namespace: null, name: one ?? null, subresource: part ?? null };
}
