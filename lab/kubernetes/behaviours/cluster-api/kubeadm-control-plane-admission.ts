import type { Admission, AdmissionWrite } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { ControlPlaneSpec } from "./model.ts";
import { specOf } from "./relations.ts";

/** The webhook of KubeadmControlPlane: at least one replica, and an odd number of them, because each is a member of etcd. */
export function admitControlPlane({ operation, object }: AdmissionWrite): Admission {
  if (operation === "delete" || object.kind !== "KubeadmControlPlane") {
    return { kind: "allowed", object };
  }
  const spec = specOf<ControlPlaneSpec>(object);
  const problem = replicasProblem(spec.replicas ?? 1);
  if (problem !== null) {
    return { kind: "refused", reason: "Invalid", field: "spec.replicas", message: problem };
  }
  return {
    kind: "allowed",
    object: { ...object, spec: { ...spec, replicas: spec.replicas ?? 1 } },
  };
}

/** What the webhook says against this number of control plane machines; null: nothing. */
export function replicasProblem(replicas: number): string | null {
  if (replicas <= 0) return "Forbidden: cannot be less than or equal to 0";
  if (replicas % 2 === 0) {
    return "Forbidden: cannot be an even number when etcd is stacked";
  }
  return null;
}
