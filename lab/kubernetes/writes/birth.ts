import type { KubeObject } from "#lab/kubernetes/object.ts";
import { isJson } from "./incoming.ts";

/** Holds a CustomResourceDefinition until the last object of its kind is gone. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** What the API server itself gives to a new object of some built-in kinds. */
export function born(object: KubeObject, now: string): KubeObject {
  switch (object.kind) {
    case "Namespace":
      return bornNamespace(object);
    case "CustomResourceDefinition":
      return bornDefinition(object, now);
    case "Secret":
      return asSecret(object);
    default:
      return object;
  }
}

/** A namespace is held by `spec.finalizers`, not by its metadata's, until it is empty. */
export function isHeldNamespace(object: KubeObject): boolean {
  const spec = object["spec"];
  return (
    object.kind === "Namespace" &&
    isJson(spec) &&
    Array.isArray(spec["finalizers"]) &&
    spec["finalizers"].length > 0
  );
}

function bornNamespace(object: KubeObject): KubeObject {
  const { metadata } = object;
  const labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
  return {
    ...object,
    metadata: { ...metadata, labels },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  };
}

function bornDefinition(object: KubeObject, now: string): KubeObject {
  const { metadata } = object;
  const spec = isJson(object["spec"]) ? object["spec"] : {};
  const condition = (type: string, reason: string, message: string): object => ({
    type,
    status: "True",
    lastTransitionTime: now,
    reason,
    message,
  });
  const versions = Array.isArray(spec["versions"]) ? spec["versions"].filter(isJson) : [];
  return {
    ...object,
    metadata: { ...metadata, finalizers: [...(metadata.finalizers ?? []), cleanupFinalizer] },
    status: {
      conditions: [
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
      ],
      acceptedNames: spec["names"],
      storedVersions: versions.flatMap(({ name, storage }) => (storage === true ? [name] : [])),
    },
  };
}

/**
 * A Secret as it is kept: with a type, and with text given as `stringData`, which is never given back, as base64 in `data`. Any other object
 * as it is.
 */
export function asSecret(object: KubeObject): KubeObject {
  if (object.kind !== "Secret" || object.apiVersion !== "v1") return object;
  const typed = object["type"] === undefined ? { ...object, type: "Opaque" } : object;
  if (!isJson(object["stringData"])) return typed;
  const { stringData, ...rest }: KubeObject = typed;
  const encoded = Object.entries(stringData as Record<string, unknown>).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString("base64"),
  ]);
  const data = isJson(object["data"]) ? object["data"] : {};
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
}
