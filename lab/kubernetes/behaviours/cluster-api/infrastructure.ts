import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Finding, found, no, yes } from "./conditions.ts";
import { clusterFaultsOf } from "./faults.ts";
import { hold, release } from "./finalizers.ts";
import { keyOf, namespaceOf } from "./kinds.ts";
import type { Endpoint, InfraClusterSpec, MachineAddress } from "./model.ts";
import { addressOf } from "./names.ts";
import { clusterNameOf, clusterOf, isDeleting, isPaused, specOf, statusOf } from "./relations.ts";
import { left, takes } from "./waiting.ts";

/** Plays a provider's cluster object: an address for the API server, and later its end. The providers differ in names only. */
export function reconcileInfraCluster(
  infra: KubeObject,
  finalizer: string,
  cluster: ClusterClient,
): number | null {
  if (isPaused(infra, clusterOf(infra, cluster))) return null;
  const name = clusterNameOf(infra);
  if (isDeleting(infra)) {
    if (clusterFaultsOf(name).deleteHangs) {
      const message = "the load balancer is still in use by another resource, trying again";
      writeInfraStatus(infra, {}, { Ready: no("DeletionFailed", message) }, cluster);
      return takes.retry;
    }
    writeInfraStatus(infra, {}, { Ready: no("NotReady", "Deleting") }, cluster);
    const rest = left("remove", takes.infrastructureClusterRemoval, infra, cluster);
    if (rest > 0) return rest;
    cluster.effect(infra.metadata.name, "infrastructure-cluster-deleted", { cluster: name });
    release(infra, finalizer, cluster);
    return null;
  }
  hold(infra, finalizer, cluster);
  if (isProvisioned(infra)) return null;
  const rest = left("provision", takes.infrastructureCluster, infra, cluster);
  if (rest > 0) {
    writeInfraStatus(infra, {}, { Ready: no("NotReady", "Waiting for the endpoint") }, cluster);
    return rest;
  }
  const given = specOf<InfraClusterSpec>(infra).controlPlaneEndpoint;
  const endpoint: Endpoint = given ?? {
    host: addressOf(`${namespaceOf(infra)}/${infra.metadata.name}`),
    port: 6443,
  };
  cluster.update(keyOf(infra), (newest) => ({
    ...newest,
    spec: { ...specOf<object>(newest), controlPlaneEndpoint: endpoint },
  }));
  cluster.effect(infra.metadata.name, "infrastructure-cluster-created", { cluster: name });
  writeInfraStatus(
    infra,
    { initialization: { provisioned: true } },
    { Ready: yes("Ready") },
    cluster,
  );
  return null;
}

export function isProvisioned(infra: KubeObject): boolean {
  const status = statusOf<{ initialization: { provisioned?: boolean } }>(infra);
  return status.initialization?.provisioned === true;
}

/** Writes what a provider has found; starts from the newest object. */
export function writeInfraStatus(
  infra: KubeObject,
  changes: object,
  findings: Readonly<Record<string, Finding>>,
  cluster: ClusterClient,
): void {
  const newest = cluster.get(keyOf(infra)) ?? infra;
  cluster.updateStatus(keyOf(newest), {
    ...statusOf(newest),
    ...changes,
    conditions: found(newest, cluster.now(), { Paused: no("NotPaused"), ...findings }),
  });
}

export function addressesOf(name: string, seed: string): readonly MachineAddress[] {
  return [
    { type: "InternalIP", address: addressOf(seed) },
    { type: "Hostname", address: name },
  ];
}
