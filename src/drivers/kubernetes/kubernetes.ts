import type { KubernetesPlace } from "#contract/cluster.ts";
import { createClusterApi } from "#drivers/cluster-api/cluster-api.ts";
import type { ClusterPorts } from "#drivers/cluster-ports.ts";
import { createK0rdent } from "#drivers/k0rdent/k0rdent.ts";
import { createKubeVirt } from "#drivers/kubevirt/kubevirt.ts";
import type { VmPort } from "#drivers/vm-ports.ts";
import { type Clients, createClients } from "./clients.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import type { KubernetesOptions } from "./options.ts";

/** Everything that is built by operators of management clusters. */
export interface Kubernetes {
  readonly clusters: ClusterPorts;
  readonly vms: VmPort;
  /** For the drivers that other ports are made of. */
  readonly clients: Clients;
  /** The management clusters' names. */
  readonly contexts: readonly string[];
  /** Where objects go when nobody says where: the kubeconfig's current context. */
  defaultPlace(namespace: string): KubernetesPlace;
  /** Resolves when the management cluster answers and takes our credentials. */
  ping(context: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Opens the management clusters of a kubeconfig; nothing is connected to before it is asked. Throws KUBERNETES_REJECTED with the reason `kubeconfig`
 * when there is nothing to be read in it.
 */
export const createKubernetes = async (options: KubernetesOptions): Promise<Kubernetes> => {
  const kubeconfig = await loadKubeconfig(options.kubeconfig);
  const clients = createClients(kubeconfig, options);
  return {
    clusters: { "cluster-api": createClusterApi(clients), k0rdent: createK0rdent(clients) },
    vms: createKubeVirt(clients, options.reveal),
    clients,
    contexts: kubeconfig.contexts,
    defaultPlace: (namespace) => ({ managementCluster: kubeconfig.current, namespace }),
    ping: (managementCluster, signal) => clients.at({ managementCluster }).ping({ signal }),
    close: () => clients.close(),
  };
};
