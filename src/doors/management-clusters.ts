import type { Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import type { ManagementClusters } from "#http/dependencies.ts";
import type { Clock } from "#platform/clock.ts";
import type { Config } from "#platform/config.ts";
import type { Log } from "#platform/log.ts";
import { watchClusterOffers } from "#projections/cluster-offers.ts";

/** How long a download waits for a management cluster before it takes what is stored (decision 18). */
const kubeconfigMs = 3_000;

/** What the API knows of the management clusters; `stop` ends the looks at what they offer. */
export function watchManagementClusters(
  kubernetes: Kubernetes,
  { config, clock, log }: { readonly config: Config; readonly clock: Clock; readonly log: Log },
): ManagementClusters & { stop(): Promise<void> } {
  const namespace = config.MILLWRIGHT_KUBERNETES_NAMESPACE;
  const places = kubernetes.contexts.map((managementCluster) => ({ managementCluster, namespace }));
  const offers = watchClusterOffers({ ports: kubernetes.clusters, places, clock, log });
  return {
    names: kubernetes.contexts,
    current: kubernetes.defaultPlace(namespace).managementCluster,
    namespace,
    offers,
    kubeconfigOf: (driver, cluster) =>
      kubernetes.clusters[driver].kubeconfig(cluster, {
        signal: AbortSignal.timeout(kubeconfigMs),
      }),
    stop: () => offers.stop(),
  };
}
