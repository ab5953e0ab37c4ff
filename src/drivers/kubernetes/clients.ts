import type { KubernetesPlace } from "#contract/cluster.ts";
import { KubernetesClient } from "./client.ts";
import type { Kubeconfig } from "./kubeconfig.ts";
import { defaultConcurrency, defaultTimeouts, type KubernetesOptions } from "./options.ts";
import { createTurns } from "./turns.ts";

/** One client per management cluster, made when it is first asked for. */
export interface Clients {
  /** KUBERNETES_REJECTED with the reason `unknown-management-cluster` when the kubeconfig has no such context. */
  at(place: Pick<KubernetesPlace, "managementCluster">): KubernetesClient;
  close(): void;
}

export const createClients = (kubeconfig: Kubeconfig, options: KubernetesOptions): Clients => {
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const { clock, log, random, concurrency = defaultConcurrency } = options;
  const known = new Map<
    string,
    { readonly client: KubernetesClient; readonly close: () => void }
  >();
  return {
    at({ managementCluster }) {
      const found = known.get(managementCluster);
      if (found !== undefined) return found.client;
      const entrance = kubeconfig.entrance(managementCluster);
      const client = new KubernetesClient({
        context: managementCluster,
        entrance,
        turns: createTurns(concurrency, timeouts.turnMs),
        timeouts,
        clock,
        random,
        log,
      });
      known.set(managementCluster, { client, close: () => entrance.close() });
      return client;
    },
    close() {
      for (const { close } of known.values()) close();
    },
  };
};
