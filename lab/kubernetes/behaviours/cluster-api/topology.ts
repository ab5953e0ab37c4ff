import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { admitCluster } from "./cluster-admission.ts";
import { classKeyOf, classOf, isReconciled } from "./cluster-class.ts";
import { type Finding, found, no, yes } from "./conditions.ts";
import { keyOf, kindName, namespaceOf } from "./kinds.ts";
import type { ClusterClassSpec, ClusterSpec, Topology } from "./model.ts";
import { childOfCluster, isDeleting, isPaused, specOf, statusOf } from "./relations.ts";
import { applyControlPlane, applyInfrastructure } from "./topology-control-plane.ts";
import { type Blueprint, retireTemplates } from "./topology-parts.ts";
import { applyWorkers, type WorkersOutcome } from "./topology-workers.ts";
import { left, takes } from "./waiting.ts";

/**
 * Plays Cluster API's topology controller: from a Cluster's `spec.topology` and its ClusterClass it makes the infrastructure
 * cluster, the control plane and the MachineDeployments, and keeps them as the topology says. An upgrade goes to the
 * control plane first, then to one MachineDeployment after the other.
 */
export const topologies: Behaviour = {
  manager: "capi-topology",
  watches: [
    { kind: kindName("Cluster") },
    childOfCluster("KubeadmControlPlane"),
    childOfCluster("MachineDeployment"),
    childOfCluster("DevCluster"),
    childOfCluster("Metal3Cluster"),
    {
      kind: kindName("ClusterClass"),
      toKeys: (clusterClass, view) =>
        view
          .list(kindName("Cluster"))
          .filter((owner) => classKeyOf(owner)?.name === clusterClass.metadata.name)
          .map(keyOf),
    },
  ],
  reconciles: [kindName("Cluster")],
  admit: admitCluster,
  reconcile(owner, cluster) {
    const { topology } = specOf<ClusterSpec>(owner);
    if (topology === undefined) return null;
    if (isDeleting(owner)) {
      report(owner, no("Deleting", "Cluster is deleting"), cluster);
      return null;
    }
    if (isPaused(owner, owner)) {
      report(owner, no("Paused", "Cluster is paused"), cluster);
      return null;
    }
    const clusterClass = classOf(owner, cluster);
    if (clusterClass === undefined || !isReconciled(clusterClass)) {
      const message =
        "ClusterClass not reconciled. If this condition persists please check that it exists and that its status.observedGeneration equals metadata.generation";
      report(owner, no("ClusterClassNotReconciled", message), cluster);
      return takes.retry;
    }
    if (specOf<ClusterSpec>(owner).controlPlaneRef === undefined) {
      const rest = left("create", takes.topology, owner, cluster);
      if (rest > 0) {
        report(owner, no("ClusterCreating", "Cluster is being created"), cluster);
        return rest;
      }
    }
    return apply(
      { owner, topology, spec: specOf<ClusterClassSpec>(clusterClass) },
      clusterClass,
      cluster,
    );
  },
};

function apply(
  given: Pick<Blueprint, "owner" | "topology" | "spec">,
  clusterClass: KubeObject,
  cluster: ClusterClient,
): number | null {
  const blueprint: Blueprint = { ...given, classNamespace: namespaceOf(clusterClass) };
  try {
    applyInfrastructure(blueprint, cluster);
    const plane = applyControlPlane(blueprint, cluster);
    const workers = applyWorkers(blueprint, plane.isStable, cluster);
    retireTemplates(blueprint, cluster);
    report(given.owner, outcome(given.topology, plane.upgrading, plane.plan, workers), cluster, {
      controlPlane: plane.plan,
      workers:
        workers.pending.length > 0 || workers.upgrading.length > 0 ? [given.topology.version] : [],
    });
    return null;
  } catch (error) {
    // The operator's own way: whatever goes wrong stands in the condition and is tried again.
    const message = error instanceof Error ? error.message : String(error);
    report(given.owner, no("ReconcileFailed", message), cluster);
    return takes.retry;
  }
}

function outcome(
  topology: Topology,
  upgradingTo: string | null,
  plan: readonly string[],
  workers: WorkersOutcome,
): Finding {
  const lines: string[] = [];
  if (upgradingTo !== null) {
    const later = plan.filter((version) => version !== upgradingTo);
    const rest = later.length === 0 ? "" : ` (${later.join(", ")} pending)`;
    lines.push(`  * KubeadmControlPlane upgrading to version ${upgradingTo}${rest}`);
  } else if (plan.length > 0) {
    lines.push(`  * KubeadmControlPlane pending upgrade to version ${plan.join(", ")}`);
  }
  const say = (names: readonly string[], what: string): void => {
    if (names.length === 0) return;
    const noun = names.length === 1 ? "MachineDeployment" : "MachineDeployments";
    lines.push(`  * ${noun} ${names.join(", ")} ${what}`);
  };
  say(workers.upgrading, `upgrading to version ${topology.version}`);
  say(workers.pending, `pending upgrade to version ${topology.version}`);
  say(
    workers.deferred,
    `upgrade to version ${topology.version} deferred using defer-upgrade or hold-upgrade-sequence annotations`,
  );
  if (lines.length === 0) return yes("ReconcileSucceeded");
  const isHeld =
    workers.deferred.length > 0 &&
    upgradingTo === null &&
    plan.length === 0 &&
    workers.upgrading.length === 0;
  return no(
    isHeld ? "MachineDeploymentsUpgradeDeferred" : "ClusterUpgrading",
    `Cluster is upgrading to ${topology.version}\n${lines.join("\n")}`,
  );
}

/** Starts from the newest object; the cluster controller writes the rest of the same status. */
function report(
  owner: KubeObject,
  finding: Finding,
  cluster: ClusterClient,
  plans?: { readonly controlPlane: readonly string[]; readonly workers: readonly string[] },
): void {
  const newest = cluster.get(keyOf(owner));
  if (newest === undefined) return;
  const status = statusOf<Record<"controlPlane" | "workers", object>>(newest);
  const withPlan = (part: "controlPlane" | "workers"): object => {
    const { upgradePlan: _earlier, ...rest } = (status[part] ?? {}) as { upgradePlan?: unknown };
    const plan = plans?.[part] ?? [];
    return plan.length === 0
      ? rest
      : { ...rest, upgradePlan: plan.map((version) => ({ version })) };
  };
  cluster.updateStatus(keyOf(newest), {
    ...status,
    ...(plans === undefined
      ? {}
      : { controlPlane: withPlan("controlPlane"), workers: withPlan("workers") }),
    conditions: found(newest, cluster.now(), { TopologyReconciled: finding }),
  });
}
