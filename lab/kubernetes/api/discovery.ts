import { createHash } from "node:crypto";
import { groupVersion, isCustom, storageVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Kind } from "#lab/kubernetes/kinds/kind.ts";
import type { Group, Kinds, Served } from "#lab/kubernetes/kinds/registry.ts";
import type { AggregatedPath } from "#lab/kubernetes/behaviours/behaviour.ts";
import { json } from "./call.ts";
import type { Answer } from "./call.ts";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/** In the order in which the handler of custom resources says them. */
const customVerbs = [
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "create",
  "update",
  "watch",
];
const partVerbs = ["get", "patch", "update"];

const aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** What the API offers: `/api`, `/apis` and below; undefined for a path that is no discovery. */
export function answerDiscovery(
  segments: readonly string[],
  accept: string | undefined,
  kinds: Kinds,
  aggregated: readonly AggregatedPath[],
): Answer | undefined {
  const [root, first, second, ...rest] = segments;
  if (rest.length > 0) return undefined;
  if ((root === "api" || root === "apis") && first === undefined) {
    const isCore = root === "api";
    const groups = kinds.groups().filter(({ name }) => (name === "") === isCore);
    const wants = /as=APIGroupDiscoveryList/.test(accept ?? "");
    if (wants) return aggregatedDiscovery(groups, kinds, isCore ? [] : aggregated);
    return isCore
      ? json(200, { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] })
      : json(200, {
          kind: "APIGroupList",
          apiVersion: "v1",
          groups: [...groups, ...aggregatedGroups(aggregated)].map(groupOf),
        });
  }
  if (root === "api" && first !== undefined && second === undefined)
    return resourceList("", first, kinds, []);
  if (root !== "apis" || first === undefined) return undefined;
  if (second !== undefined) return resourceList(first, second, kinds, aggregated);
  const all = [...kinds.groups(), ...aggregatedGroups(aggregated)];
  const group = all.find(({ name }) => name === first);
  return group === undefined
    ? undefined
    : json(200, { kind: "APIGroup", apiVersion: "v1", ...groupOf(group) });
}

/** Groups that operators serve themselves. */
function aggregatedGroups(aggregated: readonly AggregatedPath[]): readonly Group[] {
  const names = new Set(aggregated.map((path) => path.groupVersion));
  return [...names].map((name) => {
    const [group = "", version = ""] = name.split("/");
    return { name: group, versions: [version] };
  });
}

function groupOf({ name, versions }: Group): Record<string, unknown> {
  const all = versions.map((version) => ({ groupVersion: groupVersion(name, version), version }));
  return { name, versions: all, preferredVersion: all[0] };
}

function resourceList(
  group: string,
  version: string,
  kinds: Kinds,
  aggregated: readonly AggregatedPath[],
): Answer | undefined {
  const name = groupVersion(group, version);
  const resources = [
    ...kinds.of(group, version).flatMap(resourcesOf),
    ...aggregated
      .filter((path) => path.groupVersion === name)
      .map((path) => ({
        name: path.resource,
        singularName: "",
        namespaced: true,
        kind: "",
        verbs: ["update"],
      })),
  ];
  if (resources.length === 0) return undefined;
  return json(200, { kind: "APIResourceList", apiVersion: "v1", groupVersion: name, resources });
}

function resourcesOf({ kind, version }: Served): readonly Record<string, unknown>[] {
  const { plural, singular, shortNames, categories } = kind;
  const namespaced = kind.scope === "Namespaced";
  const { status, scale } = version.subresources;
  const part = (name: string, partKind: object): Record<string, unknown> => ({
    name: `${plural}/${name}`,
    singularName: "",
    namespaced,
    ...partKind,
    verbs: partVerbs,
  });
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind: kind.kind,
      verbs: verbsOf(kind),
      ...(shortNames.length === 0 ? {} : { shortNames }),
      ...(categories.length === 0 ? {} : { categories }),
      storageVersionHash: storageVersionHash(kind),
    },
    ...(status ? [part("status", { kind: kind.kind })] : []),
    ...(scale === null ? [] : [part("scale", scaleKind)]),
  ];
}

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" };

/** Everything in one answer (apidiscovery.k8s.io/v2), as kubectl asks for it. */
function aggregatedDiscovery(
  groups: readonly Group[],
  kinds: Kinds,
  aggregated: readonly AggregatedPath[],
): Answer {
  const items = [
    ...groups.map(({ name, versions }) => ({
      metadata: name === "" ? { creationTimestamp: null } : { name, creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        resources: kinds.of(name, version).map(discovered),
        freshness: "Current",
      })),
    })),
    ...aggregatedGroups(aggregated).map(({ name, versions }) => ({
      metadata: { name, creationTimestamp: null },
      versions: versions.map((version) => ({ version, resources: [], freshness: "Current" })),
    })),
  ];
  const body = {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items,
  };
  return { ...json(200, body), contentType: aggregatedType };
}

function discovered({ kind, version }: Served): Record<string, unknown> {
  const responseKind = { group: kind.group, version: version.name, kind: kind.kind };
  const { status, scale } = version.subresources;
  return {
    resource: kind.plural,
    responseKind,
    scope: scopeOf(kind),
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    shortNames: kind.shortNames,
    categories: kind.categories,
    subresources: [
      ...(status ? [{ subresource: "status", responseKind, verbs: partVerbs }] : []),
      ...(scale === null
        ? []
        : [{ subresource: "scale", responseKind: scaleKind, verbs: partVerbs }]),
    ],
  };
}

/** By which clients notice that another version of a kind is stored. */
function storageVersionHash(kind: Kind): string {
  const name = [kind.group, storageVersion(kind).name, kind.kind].join("/");
  return createHash("sha256").update(name).digest().subarray(0, 8).toString("base64");
}

function verbsOf(kind: Kind): readonly string[] {
  return kind.verbs ?? (isCustom(kind) ? customVerbs : verbs);
}

function scopeOf({ scope }: Kind): string {
  return scope === "Namespaced" ? "Namespaced" : "Cluster";
}
