import type { KubeObject } from "#lab/kubernetes/object.ts";
import { forbidden } from "#lab/kubernetes/status.ts";

/** Namespaces without which no cluster works. */
const immortal: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** A Refusal (403) for the end of what a cluster cannot be without (admission plugin NamespaceLifecycle). */
export function checkMortal({ apiVersion, kind, metadata }: KubeObject): void {
  if (apiVersion !== "v1" || kind !== "Namespace" || !immortal.has(metadata.name)) return;
  const namespaces = { group: "", plural: "namespaces" };
  throw forbidden(namespaces, metadata.name, "this namespace may not be deleted");
}
