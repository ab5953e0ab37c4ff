import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { no, yes } from "./conditions.ts";
import { clusterFaultsOf } from "./faults.ts";
import { hold, release } from "./finalizers.ts";
import {
  addressesOf,
  isProvisioned,
  reconcileInfraCluster,
  writeInfraStatus,
} from "./infrastructure.ts";
import { keyOf, kindName, namespaceOf } from "./kinds.ts";
import type { MachineSpec } from "./model.ts";
import {
  clusterNameOf,
  clusterOf,
  isDeleting,
  isPaused,
  partsOfCluster,
  specOf,
} from "./relations.ts";
import { left, takes } from "./waiting.ts";

const finalizer = "devmachine.infrastructure.cluster.x-k8s.io";

/**
 * Plays Cluster API's own provider of machines in memory (test/infrastructure/docker of its repository, `DevMachine` with the
 * `inMemory` backend): machines that are nothing but their objects, as the lab's virtual ones are.
 */
export const devProvider: Behaviour = {
  manager: "capd-manager",
  watches: [
    { kind: kindName("DevCluster") },
    { kind: kindName("DevMachine") },
    // The machine of the same name says when its bootstrap data is there.
    {
      kind: kindName("Machine"),
      toKeys: ({ metadata }) => [
        { kind: kindName("DevMachine"), namespace: metadata.namespace ?? "", name: metadata.name },
      ],
    },
    partsOfCluster("DevCluster"),
    partsOfCluster("DevMachine"),
  ],
  reconciles: [kindName("DevCluster"), kindName("DevMachine")],
  reconcile(object, cluster) {
    return object.kind === "DevCluster"
      ? reconcileInfraCluster(object, "devcluster.infrastructure.cluster.x-k8s.io", cluster)
      : reconcileMachine(object, cluster);
  },
};

function reconcileMachine(infra: KubeObject, cluster: ClusterClient): number | null {
  if (isPaused(infra, clusterOf(infra, cluster))) return null;
  const { name } = infra.metadata;
  const clusterName = clusterNameOf(infra);
  if (isDeleting(infra)) {
    const wasMade = isProvisioned(infra);
    const rest = wasMade ? left("remove", takes.virtualMachineRemoval, infra, cluster) : 0;
    if (rest > 0) {
      writeInfraStatus(infra, {}, { Ready: no("NotReady", "Deleting") }, cluster);
      return rest;
    }
    if (wasMade) cluster.effect(name, "virtual-machine-deleted", { cluster: clusterName });
    release(infra, finalizer, cluster);
    return null;
  }
  hold(infra, finalizer, cluster);
  if (isProvisioned(infra)) return null;
  if (bootstrapSecret(infra, cluster) === undefined) {
    report(infra, "WaitingForBootstrapData", "", cluster);
    return null;
  }
  if (clusterFaultsOf(clusterName).exceedsQuota) {
    const message = `failed to create VM ${name}: exceeded quota: machines, requested: 1, used: 0, limited: 0`;
    report(infra, "InternalError", message, cluster);
    const rest = left("retry", takes.retry, infra, cluster);
    if (rest > 0) return rest;
    cluster.event(infra, "Warning", "FailedCreate", message);
    cluster.remember(infra, {});
    return takes.retry;
  }
  const rest = left("start", takes.virtualMachine, infra, cluster);
  if (rest > 0) {
    report(infra, "WaitingForStartupTimeout", "", cluster);
    return rest;
  }
  cluster.update(keyOf(infra), (newest) => ({
    ...newest,
    spec: { ...specOf<object>(newest), providerID: `in-memory:////${name}` },
  }));
  cluster.effect(name, "virtual-machine-created", { cluster: clusterName });
  writeInfraStatus(
    infra,
    { initialization: { provisioned: true }, addresses: addressesOf(name, infra.metadata.uid) },
    { VMProvisioned: yes("Provisioned"), Ready: yes("Ready") },
    cluster,
  );
  return null;
}

function report(infra: KubeObject, reason: string, message: string, cluster: ClusterClient): void {
  const said = message === "" ? reason : message;
  writeInfraStatus(
    infra,
    {},
    { VMProvisioned: no(reason, message), Ready: no("NotReady", `* VMProvisioned: ${said}`) },
    cluster,
  );
}

/** The name of the Secret that the machine of the same name boots with. */
function bootstrapSecret(infra: KubeObject, cluster: ClusterClient): string | undefined {
  const machine = cluster.get({
    kind: kindName("Machine"),
    namespace: namespaceOf(infra),
    name: infra.metadata.name,
  });
  return machine && specOf<MachineSpec>(machine).bootstrap.dataSecretName;
}
