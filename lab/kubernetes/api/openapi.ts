import { groupVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Kinds, Served } from "#lab/kubernetes/kinds/registry.ts";
import { json } from "./call.ts";
import type { Answer } from "./call.ts";
import { serverVersion } from "./server-version.ts";

const info = { title: "Kubernetes", version: serverVersion.gitVersion };

/**
 * OpenAPI as far as kubectl asks: which resources take `fieldValidation`, and the schemas for `kubectl explain`. Version 2 is an
 * empty document in its protobuf form, the only one in which clients ask for it. Undefined for other paths.
 */
export function answerOpenapi(segments: readonly string[], kinds: Kinds): Answer | undefined {
  const [root, form, ...rest] = segments;
  if (root !== "openapi") return undefined;
  if (form === "v2") {
    const contentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    // Field 1, a text of three bytes: swagger "2.0".
    return { status: 200, contentType, text: "\u000A\u00032.0" };
  }
  if (form !== "v3") return undefined;
  if (rest.length === 0) return json(200, { paths: Object.fromEntries(documentsOf(kinds)) });
  const [api, ...place] = rest;
  const [group, version] = api === "api" ? ["", place[0]] : place;
  if (group === undefined || version === undefined) return undefined;
  const served = kinds.of(group, version);
  return served.length === 0 ? undefined : json(200, documentOf(served));
}

function documentsOf(kinds: Kinds): readonly (readonly [string, unknown])[] {
  return kinds.groups().flatMap(({ name, versions }) =>
    versions.map((version) => {
      const path = rootOf(name, version).slice(1);
      return [path, { serverRelativeURL: `/openapi/v3/${path}` }] as const;
    }),
  );
}

function rootOf(group: string, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${groupVersion(group, version)}`;
}

function documentOf(served: readonly Served[]): Record<string, unknown> {
  const schemas = served.map((one) => [schemaName(one), schemaOf(one)] as const);
  const paths = served.map((one) => [pathOf(one), { patch: patchOf(one) }] as const);
  return {
    openapi: "3.0.0",
    info,
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function pathOf({ kind, version }: Served): string {
  const scope = kind.scope === "Namespaced" ? "/namespaces/{namespace}" : "";
  return `${rootOf(kind.group, version.name)}${scope}/${kind.plural}/{name}`;
}

function patchOf(served: Served): Record<string, unknown> {
  const parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map((name) => ({
    name,
    in: "query",
    schema: { type: name === "force" ? "boolean" : "string", uniqueItems: true },
  }));
  const ok = { description: "OK" };
  return {
    parameters,
    responses: { "200": ok },
    "x-kubernetes-action": "patch",
    "x-kubernetes-group-version-kind": groupVersionKind(served),
  };
}

function schemaOf(served: Served): Record<string, unknown> {
  return {
    type: "object",
    ...served.version.schema,
    "x-kubernetes-group-version-kind": [groupVersionKind(served)],
  };
}

function groupVersionKind({ kind, version }: Served): Record<string, string> {
  return { group: kind.group, version: version.name, kind: kind.kind };
}

/** Reversed domain, version and kind, as generators of the real documents name schemas. */
function schemaName({ kind, version }: Served): string {
  const domain =
    kind.group === "" ? "io.k8s.api.core" : kind.group.split(".").toReversed().join(".");
  return `${domain}.${version.name}.${kind.kind}`;
}
