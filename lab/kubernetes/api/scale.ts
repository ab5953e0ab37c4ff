import { findFirst } from "#lab/kubernetes/kinds/json-path.ts";
import type { ScalePaths } from "#lab/kubernetes/kinds/kind.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { badRequest, invalid } from "#lab/kubernetes/status.ts";
import { isJson } from "#lab/kubernetes/writes/incoming.ts";
import type { Target } from "./place.ts";

/** The Scale (autoscaling/v1) of an object. */
export function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector =
    paths.labelSelectorPath === undefined ? undefined : findFirst(paths.labelSelectorPath, object);
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
    spec: { replicas: figure(paths.specReplicasPath, object) },
    status: {
      replicas: figure(paths.statusReplicasPath, object),
      ...(typeof selector === "string" ? { selector } : {}),
    },
  };
}

/** What a client wants of a Scale. Refusals: 400 when it says no number, 422 for one below zero. */
export function readScale(
  body: unknown,
  { served, name }: Target,
): { readonly replicas: number; readonly resourceVersion: string | undefined } {
  const spec = isJson(body) ? body["spec"] : undefined;
  const metadata = isJson(body) ? body["metadata"] : undefined;
  const replicas = isJson(spec) ? (spec["replicas"] ?? 0) : undefined;
  if (typeof replicas !== "number" || !Number.isInteger(replicas))
    throw badRequest(`the Scale of ${served.kind.plural} needs spec.replicas, a whole number`);
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
