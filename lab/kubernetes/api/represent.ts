import { groupVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { Refusal, unclassified } from "#lab/kubernetes/status.ts";
import { textOf } from "#lab/kubernetes/store/text.ts";
import { atVersion } from "#lab/kubernetes/writes/incoming.ts";
import { metadataOnly, tableOf } from "./table.ts";
import type { TableOptions } from "./table.ts";

/** In which form the caller wants objects, by its Accept header. */
export type Form = "object" | "table" | "metadata";

/**
 * The first form that the header names and that is known. Refusals: 406 when none is, and for one object where a list is asked for; 500, as
 * the API server answers it, for a list where one object is.
 */
export function formOf(accept: string | undefined, of: "object" | "list"): Form {
  const parts = (accept ?? "").split(",").map((part) => part.trim());
  for (const part of parts) {
    const [type = "", ...parameters] = part.split(";").map((each) => each.trim());
    const isJson = ["", "*/*", "application/*", "application/json", "application/yaml"].includes(
      type,
    );
    if (!isJson) continue;
    const said = (name: string): string | undefined =>
      parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    const as = said("as");
    if (as === undefined) return "object";
    if (said("g") !== "meta.k8s.io" || !/^v1(beta1)?$/.test(said("v") ?? "")) continue;
    if (as === "Table") return "table";
    if (as === "PartialObjectMetadata" && of === "list")
      throw unacceptable(
        "you requested PartialObjectMetadata, but the requested object is a list (*unstructured.UnstructuredList)",
      );
    if (as === "PartialObjectMetadataList" && of === "object")
      throw unclassified("content is not a list");
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "metadata";
  }
  throw unacceptable(
    "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  );
}

function unacceptable(message: string): Error {
  return new Refusal({ code: 406, reason: "NotAcceptable", message });
}

/** One object as text, in the version and form that the caller wants. */
export function objectText(object: KubeObject, served: Served, form: Form): string {
  const apiVersion = groupVersion(served.kind.group, served.version.name);
  if (form === "metadata") return JSON.stringify(metadataOnly(object));
  if (object.apiVersion === apiVersion) return textOf(object);
  return textOf(versioned(object, apiVersion));
}

const otherVersions = new WeakMap<KubeObject, Map<string, KubeObject>>();

/** The same object each time, so that its text is written once. */
function versioned(object: KubeObject, apiVersion: string): KubeObject {
  const known = otherVersions.get(object) ?? new Map<string, KubeObject>();
  otherVersions.set(object, known);
  const made = known.get(apiVersion) ?? atVersion(object, apiVersion);
  known.set(apiVersion, made);
  return made;
}

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** A list as text; the items' own texts are joined, not written anew. */
export function listText(
  objects: readonly KubeObject[],
  metadata: ListMeta,
  served: Served,
  options: TableOptions & { readonly form: Form },
): string {
  const { form } = options;
  if (form === "table") return JSON.stringify(tableOf(objects, metadata, served, options));
  const { group, kind } = served.kind;
  const head =
    form === "metadata"
      ? { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" }
      : { kind: `${kind}List`, apiVersion: groupVersion(group, served.version.name) };
  const items = objects.map((object) => objectText(object, served, form));
  return `${JSON.stringify({ ...head, metadata }).slice(0, -1)},"items":[${items.join(",")}]}`;
}
