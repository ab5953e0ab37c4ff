import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import type {
  Admission,
  AdmissionWrite,
  Behaviour,
  ClusterView,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { found, no, yes } from "./conditions.ts";
import { keyOf, kindName, namespaceOf } from "./kinds.ts";
import type { ClusterClassSpec, ClusterSpec } from "./model.ts";
import { specOf, statusOf } from "./relations.ts";

/** Plays the ClusterClass controller: it repeats the class's variables in the status, and says that it has seen them. */
export const clusterClasses: Behaviour = {
  manager: "capi-clusterclass",
  watches: [{ kind: kindName("ClusterClass") }],
  reconciles: [kindName("ClusterClass")],
  admit: admitClass,
  reconcile(clusterClass, cluster) {
    const { variables = [] } = specOf<ClusterClassSpec>(clusterClass);
    cluster.updateStatus(keyOf(clusterClass), {
      observedGeneration: clusterClass.metadata.generation ?? 1,
      variables: variables.map(({ name, required, schema }) => ({
        name,
        definitions: [{ from: "inline", required, schema }],
      })),
      conditions: found(clusterClass, cluster.now(), {
        VariablesReady: yes("VariablesReady"),
        RefVersionsUpToDate: yes("RefVersionsUpToDate"),
        Paused: no("NotPaused"),
      }),
    });
    return null;
  },
};

/** A class cannot be deleted while a Cluster is made of it. */
function admitClass({ operation, object }: AdmissionWrite, view: ClusterView): Admission {
  if (operation !== "delete" || object.kind !== "ClusterClass") return { kind: "allowed", object };
  const own = keyOf(object);
  const users = view.list(kindName("Cluster")).filter((owner) => {
    const key = classKeyOf(owner);
    return key?.name === own.name && key.namespace === own.namespace;
  });
  if (users.length === 0) return { kind: "allowed", object };
  const message = `ClusterClass cannot be deleted because it is used by ${users.length} Cluster(s)`;
  return { kind: "refused", reason: "Forbidden", message };
}

/** The class that a Cluster is made of; undefined for one without a topology. */
export function classKeyOf(owner: KubeObject): ObjectKey | undefined {
  const { topology } = specOf<ClusterSpec>(owner);
  return (
    topology && {
      kind: kindName("ClusterClass"),
      namespace: topology.classRef.namespace ?? namespaceOf(owner),
      name: topology.classRef.name,
    }
  );
}

export function classOf(owner: KubeObject, view: ClusterView): KubeObject | undefined {
  const key = classKeyOf(owner);
  return key && view.get(key);
}

/** Whether its controller has seen it as it is now. */
export function isReconciled(clusterClass: KubeObject): boolean {
  const { observedGeneration } = statusOf<{ observedGeneration: number }>(clusterClass);
  return observedGeneration === (clusterClass.metadata.generation ?? 1);
}
