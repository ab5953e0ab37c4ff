import { type Kubernetes, createKubernetes } from "#drivers/kubernetes/kubernetes.ts";
import type { KubeconfigSource, KubernetesOptions } from "#drivers/kubernetes/options.ts";
import { Failure } from "#contract/failures.ts";
import type { ManagementClusters } from "#http/dependencies.ts";
import type { Clock } from "#platform/clock.ts";
import { type Config, ConfigError } from "#platform/config.ts";
import type { Log } from "#platform/log.ts";
import { watchClusterOffers } from "#projections/cluster-offers.ts";
import type { LabDescription } from "./infrastructure.ts";

/** Which management clusters there are: those that are configured, else the one that the lab plays, if it does. */
export function kubeconfigSource(
  config: Pick<Config, "MILLWRIGHT_KUBECONFIG">,
  lab: LabDescription | null,
): KubeconfigSource | null {
  const configured = config.MILLWRIGHT_KUBECONFIG;
  if (configured === "in-cluster") return configured;
  if (configured !== undefined) return { path: configured };
  const text = lab?.kubernetes?.kubeconfig;
  return text === undefined ? null : { text };
}

/** Null when there are none. Nothing is connected to before it is asked. Throws ConfigError when there is nothing to be read in the kubeconfig. */
export async function openKubernetes(
  source: KubeconfigSource | null,
  options: Omit<KubernetesOptions, "kubeconfig">,
): Promise<Kubernetes | null> {
  if (source === null) return null;
  try {
    return await createKubernetes({ ...options, kubeconfig: source });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new ConfigError([`MILLWRIGHT_KUBECONFIG: ${error.message}`]);
  }
}

/** What the API knows of them; `stop` ends the looks at what they offer. */
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
    stop: () => offers.stop(),
  };
}
