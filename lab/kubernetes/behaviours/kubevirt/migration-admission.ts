import type {
  Admission,
  AdmissionWrite,
  ClusterView,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { isDeepStrictEqual } from "node:util";
import { findCondition } from "./conditions.ts";
import { instanceKind, instanceStatus, isFinal, migrationKind, sameName } from "./objects.ts";

/** Why this instance cannot be migrated now; null: it can. */
export function migrationRefusal(instance: KubeObject, cluster: ClusterView): string | null {
  const status = instanceStatus(instance);
  const { name, namespace = "" } = instance.metadata;
  if (isFinal(status)) return "Cannot migrate VMI in finalized state.";
  const migratable = findCondition(status.conditions, "LiveMigratable");
  if (migratable?.status === "False") {
    return `Cannot migrate VMI, Reason: ${migratable.reason ?? ""}, Message: ${migratable.message ?? ""}`;
  }
  const other = cluster.list(migrationKind, { namespace }).find((migration) => {
    const { vmiName } = migration["spec"] as { readonly vmiName?: string };
    const { phase } = (migration["status"] ?? {}) as { readonly phase?: string };
    return vmiName === name && phase !== "Succeeded" && phase !== "Failed";
  });
  return other === undefined
    ? null
    : `in-flight migration detected. Active migration job (${other.metadata.uid}) is currently already in progress for VMI ${name}.`;
}

export function admitMigration(
  { operation, object, old }: AdmissionWrite,
  cluster: ClusterView,
): Admission {
  if (operation === "delete") return { kind: "allowed", object };
  if (old !== null) {
    return isDeepStrictEqual(object["spec"], old["spec"])
      ? { kind: "allowed", object }
      : refuse("update of Migration object's spec is restricted", "spec");
  }
  const { vmiName = "" } = object["spec"] as { readonly vmiName?: string };
  if (vmiName === "") return refuse("vmiName is missing", "spec.vmiName");
  const instance = cluster.get({ ...sameName(object, instanceKind), name: vmiName });
  if (instance === undefined) return refuse(`the VMI "${vmiName}" does not exist`, "spec.vmiName");
  const refusal = migrationRefusal(instance, cluster);
  return refusal === null ? { kind: "allowed", object } : refuse(refusal);
}

function refuse(message: string, field?: string): Admission {
  return { kind: "refused", reason: "Invalid", message, ...(field === undefined ? {} : { field }) };
}
