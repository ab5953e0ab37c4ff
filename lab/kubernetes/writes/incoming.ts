import canonicalize from "canonicalize";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { groupOf, groupVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import { badRequest, invalid } from "#lab/kubernetes/status.ts";

export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where a request's path says that the object is. */
export interface Place {
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  /** Null when the object is yet to be named. */
  readonly name: string | null;
}

/** What was sent: a whole object, what a patch has made of one, or what is to be applied. */
export type Sent = "whole" | "patch" | "apply";

/**
 * What a client sent as an object of this kind: of the path's version, kind, namespace and name, with metadata of the right
 * types; kind and version of a built-in kind may be missing. A Refusal (400, for a patch 422) otherwise. It comes back in
 * the version of the path.
 */
export function readObject(body: unknown, served: Served, place: Place, sent: Sent): KubeObject {
  if (!isJson(body)) throw badRequest("the body is no JSON object");
  const apiVersion = groupVersion(served.kind.group, served.version.name);
  const { kind } = served.kind;
  if (sent === "apply" && (body["apiVersion"] !== apiVersion || body["kind"] !== kind))
    throw badRequest(
      `invalid object type: ${textOr(body["apiVersion"])}, Kind=${textOr(body["kind"])}`,
    );
  if (sent === "patch" && served.kind.group !== "" && body["kind"] === undefined)
    throw kindTakenAway(body);
  if (body["apiVersion"] !== undefined && body["apiVersion"] !== apiVersion) {
    if (sent === "patch") throw otherVersion(body, apiVersion);
    throw badRequest(
      `the API version in the data (${textOr(body["apiVersion"])}) does not match the expected API version (${apiVersion})`,
    );
  }
  // Only of built-in kinds the API server knows what a body without a kind must be.
  if (served.kind.group !== "" && (body["kind"] === undefined || body["apiVersion"] === undefined))
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): Object 'Kind' is missing`,
    );
  if (body["kind"] !== undefined && body["kind"] !== kind && served.kind.group !== "") {
    const { name } = isJson(body["metadata"]) ? body["metadata"] : {};
    const given = String(body["kind"]);
    throw invalid({ group: served.kind.group, kind: given }, String(name ?? ""), [
      {
        reason: "FieldValueInvalid",
        field: "kind",
        message: `Invalid value: "${given}": must be ${kind}`,
      },
    ]);
  }
  if (body["kind"] !== undefined && body["kind"] !== kind)
    throw badRequest(
      `the kind in the data (${String(body["kind"])}) does not match the expected kind (${kind})`,
    );
  const metadata = body["metadata"] ?? {};
  if (!isJson(metadata)) throw badRequest("metadata is no object");
  for (const field of ["labels", "annotations"]) {
    const map = metadata[field];
    if (map === undefined || map === null) continue;
    if (!isJson(map) || !Object.values(map).every((value) => typeof value === "string"))
      throw badRequest(`metadata.${field} must be a map of strings`);
  }
  const { finalizers } = metadata;
  if (finalizers !== undefined && finalizers !== null && !isListOfTexts(finalizers))
    throw badRequest("metadata.finalizers must be a list of strings");
  if (!areOwners(metadata["ownerReferences"] ?? []))
    throw badRequest(
      "metadata.ownerReferences must be a list of owners, each field of them a string",
    );
  const { namespace } = metadata;
  if (namespace !== undefined && namespace !== "" && namespace !== place.namespace)
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  if (sent !== "apply" && place.name !== null && (metadata["name"] ?? "") === "")
    throw unnamed(place.name);
  const name = metadata["name"] ?? place.name ?? undefined;
  if (place.name !== null && name !== place.name)
    throw badRequest(
      `the name of the object (${String(name)}) does not match the name on the URL (${place.name})`,
    );
  if (name !== undefined && typeof name !== "string")
    throw badRequest("metadata.name must be a string");
  const given = { ...withoutEmpty(metadata), ...(name === undefined ? {} : { name }) };
  const placed = place.namespace === "" ? given : { ...given, namespace: place.namespace };
  // What the API server itself adds is filled in by the writer.
  return { ...body, apiVersion, kind, metadata: placed as KubeObject["metadata"] };
}

/** A Refusal (400) for an object without a name where the path has one. */
export function unnamed(name: string): Error {
  return badRequest(
    `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
  );
}

function textOr(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function kindTakenAway(body: Json): Error {
  const text = canonicalize(body) ?? "";
  return patchRefused(`${JSON.stringify(text)}: Object 'Kind' is missing in '${text}'`);
}

/** A Refusal (422) for what a patch has made: the API server names no object then. */
export function patchRefused(why: string): Error {
  return invalid({ group: "", kind: "" }, "", [
    { reason: "FieldValueInvalid", field: "patch", message: `Invalid value: ${why}` },
  ]);
}

function otherVersion(body: Json, apiVersion: string): Error {
  const given = textOr(body["apiVersion"]);
  const { name } = isJson(body["metadata"]) ? body["metadata"] : {};
  return invalid({ group: groupOf(given), kind: textOr(body["kind"]) }, textOr(name), [
    {
      reason: "FieldValueInvalid",
      field: "apiVersion",
      message: `Invalid value: "${given}": must be ${apiVersion}`,
    },
  ]);
}

/** Null, an empty map and an empty list mean "not there", as in the real server's Go types. */
export function withoutEmpty(metadata: Json): Json {
  return Object.fromEntries(
    Object.entries(metadata).filter(
      ([, value]) =>
        value !== null &&
        value !== undefined &&
        value !== "" &&
        !(typeof value === "object" && Object.keys(value).length === 0),
    ),
  );
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

/** Whether these can be owners; that each is whole is for the validation to say, and null is an owner that says nothing. */
function areOwners(value: unknown): boolean {
  const fields = ["apiVersion", "kind", "name", "uid"];
  const isText = (text: unknown): boolean => (text ?? "") === "" || typeof text === "string";
  return (
    Array.isArray(value) &&
    value.every(
      (owner) => owner === null || (isJson(owner) && fields.every((field) => isText(owner[field]))),
    )
  );
}

/** The same object under the name of another version: the versions of a kind differ in nothing else here. */
export function atVersion(object: KubeObject, apiVersion: string): KubeObject {
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}
