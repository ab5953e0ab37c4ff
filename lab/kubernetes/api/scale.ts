import { findFirst } from "#lab/kubernetes/kinds/json-path.ts";
import type { ScalePaths } from "#lab/kubernetes/kinds/kind.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { badRequest, internal, invalid } from "#lab/kubernetes/status.ts";
import { isJson, patchRefused, unnamed } from "#lab/kubernetes/writes/incoming.ts";
import type { Target } from "./place.ts";

/** As `scaleOf`. A Refusal (500) when the object does not say how many it wants: it can be told to, but not asked. */
export function toldScale(object: KubeObject, paths: ScalePaths): KubeObject {
  if (typeof findFirst(paths.specReplicasPath, object) !== "number")
    throw internal(`the spec replicas field "${paths.specReplicasPath}" does not exist`);
  return scaleOf(object, paths);
}

/** The Scale (autoscaling/v1) of an object. */
export function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector =
    paths.labelSelectorPath === undefined ? undefined : findFirst(paths.labelSelectorPath, object);
  const replicas = figure(paths.specReplicasPath, object);
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid,
      resourceVersion,
      creationTimestamp,
    },
    // None is not written, as Go leaves out a zero here.
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: figure(paths.statusReplicasPath, object),
      ...(typeof selector === "string" ? { selector } : {}),
    },
  };
}

/**
 * What a client wants of a Scale. Refusals: 400 for another object's or another kind, and when it says no number (422 in a patch), 422 for
 * one below zero.
 */
export function readScale(
  body: unknown,
  { served, name }: Target,
  isPut: boolean,
): { readonly replicas: number; readonly resourceVersion: string | undefined } {
  const spec = isJson(body) ? body["spec"] : undefined;
  const metadata = isJson(body) ? body["metadata"] : undefined;
  const replicas = isJson(spec) ? (spec["replicas"] ?? 0) : undefined;
  const { kind = "Scale" } = isJson(body) ? body : {};
  if (kind !== "Scale") throw badRequest("no kind is registered for the type v1.Scale");
  const given = isJson(metadata) ? (metadata["name"] ?? "") : "";
  if (given === "") throw unnamed(name ?? "");
  if (given !== name)
    throw badRequest(
      `the name of the object (${String(given)}) does not match the name on the URL (${name ?? ""})`,
    );
  if (typeof replicas !== "number" || !Number.isInteger(replicas)) {
    const why = "json: ScaleSpec.spec.replicas is of type int32";
    if (!isPut) throw patchRefused(`${JSON.stringify(JSON.stringify(body))}: ${why}`);
    throw badRequest(`Scale in version "v1" cannot be handled as a Scale: ${why}`);
  }
  if (replicas < 0)
    throw invalid(served.kind, name ?? "", [
      {
        reason: "FieldValueInvalid",
        field: ".spec.replicas",
        message: `Invalid value: ${replicas}: should be a non-negative integer`,
      },
    ]);
  const version = isJson(metadata) ? metadata["resourceVersion"] : undefined;
  return { replicas, resourceVersion: typeof version === "string" ? version : undefined };
}

/** The object with that many replicas wished for. */
export function replicasSet(object: KubeObject, paths: ScalePaths, replicas: number): KubeObject {
  const fields = paths.specReplicasPath.split(".").filter((field) => field !== "");
  return withField(object, fields, replicas) as KubeObject;
}

function withField(value: unknown, [field, ...rest]: readonly string[], inner: unknown): unknown {
  if (field === undefined) return inner;
  const base = isJson(value) ? value : {};
  return { ...base, [field]: withField(base[field], rest, inner) };
}

function figure(path: string, object: KubeObject): number {
  const found = findFirst(path, object);
  return typeof found === "number" ? found : 0;
}
