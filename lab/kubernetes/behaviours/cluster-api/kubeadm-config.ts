import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { found, no, yes, type Finding } from "./conditions.ts";
import { apiVersionOf, keyOf, kindName, namespaceOf, ownedBy } from "./kinds.ts";
import type { ClusterStatus } from "./model.ts";
import {
  clusterNameOf,
  clusterOf,
  isDeleting,
  isPaused,
  labels,
  partsOfCluster,
  statusOf,
} from "./relations.ts";
import { left, takes } from "./waiting.ts";

interface ConfigStatus {
  readonly dataSecretName: string;
}

/**
 * Plays kubeadm's bootstrap provider: writes what a machine is told at its first boot into a Secret, as soon as there is
 * something to join.
 */
export const kubeadmBootstrap: Behaviour = {
  manager: "capi-kubeadmconfig",
  watches: [{ kind: kindName("KubeadmConfig") }, partsOfCluster("KubeadmConfig")],
  reconciles: [kindName("KubeadmConfig")],
  reconcile(config, cluster) {
    const owner = clusterOf(config, cluster);
    if (owner === undefined || isDeleting(config) || isPaused(config, owner)) return null;
    if (statusOf<ConfigStatus>(config).dataSecretName !== undefined) return null;
    const waitingFor = obstacle(config, owner);
    const rest =
      waitingFor === null ? left("bootstrap", takes.bootstrapData, config, cluster) : null;
    if (rest === 0) provide(config, cluster);
    else
      report(
        config,
        no("NotReady", waitingFor ?? "Bootstrap data secret not available yet"),
        cluster,
      );
    return rest === 0 ? null : rest;
  },
};

/** The first control plane machine needs the endpoint only; every other one joins a cluster that answers. */
function obstacle(config: KubeObject, owner: KubeObject): string | null {
  const { initialization } = statusOf<ClusterStatus>(owner);
  if (initialization?.infrastructureProvisioned !== true) {
    return "Waiting for Cluster status.initialization.infrastructureProvisioned to be true";
  }
  const isControlPlane = config.metadata.labels?.[labels.controlPlane] !== undefined;
  if (!isControlPlane && initialization.controlPlaneInitialized !== true) {
    return "Waiting for Cluster control plane to be initialized";
  }
  return null;
}

function provide(config: KubeObject, cluster: ClusterClient): void {
  const { name } = config.metadata;
  const script = `#cloud-config\n# ${name} joins ${clusterNameOf(config)}\nruncmd:\n  - kubeadm join\n`;
  cluster.create({
    apiVersion: apiVersionOf("Secret"),
    kind: "Secret",
    metadata: {
      name,
      namespace: namespaceOf(config),
      labels: { [labels.clusterName]: clusterNameOf(config) },
      ownerReferences: [ownedBy(config)],
    },
    type: "cluster.x-k8s.io/secret",
    data: {
      value: Buffer.from(script).toString("base64"),
      format: Buffer.from("cloud-config").toString("base64"),
    },
  });
  report(config, yes("Ready"), cluster, {
    dataSecretName: name,
    initialization: { dataSecretCreated: true },
  });
}

function report(
  config: KubeObject,
  ready: Finding,
  cluster: ClusterClient,
  more: object = {},
): void {
  cluster.updateStatus(keyOf(config), {
    ...statusOf(config),
    observedGeneration: config.metadata.generation ?? 1,
    ...more,
    conditions: found(config, cluster.now(), {
      Ready: ready,
      DataSecretAvailable:
        ready.status === "True" ? yes("Available") : no("NotAvailable", ready.message),
      CertificatesAvailable: yes("Available"),
      Paused: no("NotPaused"),
    }),
  });
}
