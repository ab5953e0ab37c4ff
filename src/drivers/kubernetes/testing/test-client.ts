import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import type { RunId } from "#contract/ids.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import { createClients } from "#drivers/kubernetes/clients.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { loadKubeconfig } from "#drivers/kubernetes/kubeconfig.ts";
import { type Kind, type Manifest, Meta } from "#drivers/kubernetes/object.ts";
import type { KubeconfigSource, KubernetesOptions } from "#drivers/kubernetes/options.ts";
import type { Log } from "#platform/log.ts";

export const run: RunId = "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
export const id = "cls_01KAP5ZV9QJ5T1W7R9D0C3M8XJ";

/** A kind with one field, as good as any other. */
const Toy = z.object({
  metadata: Meta,
  spec: z.object({ size: z.number().optional() }).default({}),
});
export type Toy = z.infer<typeof Toy>;

export const toyKind: Kind<Toy> = {
  group: "toys.example",
  versions: ["v1"],
  kind: "Toy",
  plural: "toys",
  schema: Toy,
};

export const toyPath = "/apis/toys.example/v1/namespaces/demo/toys";

export const toy = (spec: object, metadata: object = {}): Record<string, unknown> => ({
  apiVersion: "toys.example/v1",
  kind: "Toy",
  metadata: {
    name: "bear",
    namespace: "demo",
    uid: "u-1",
    resourceVersion: "7",
    labels: { "millwright.dev/resource": id },
    ...metadata,
  },
  spec,
});

export const toyManifest = (spec: object): Manifest => ({
  apiVersion: "toys.example/v1",
  kind: "Toy",
  metadata: { name: "bear", namespace: "demo", labels: { "millwright.dev/resource": id } },
  spec,
});

export const writing = (): KubernetesWrite => ({
  signal: AbortSignal.timeout(30_000),
  run,
  key: `${run}/step`,
});

export const testOptions = (
  kubeconfig: KubeconfigSource,
  more: Partial<KubernetesOptions> = {},
): KubernetesOptions & { readonly logged: string[] } => {
  const logged: string[] = [];
  const log: Log = (level, event, fields) => {
    logged.push(JSON.stringify({ level, event, ...fields }));
  };
  return {
    kubeconfig,
    clock: {
      now: () => Date.parse("2026-03-02T08:00:00Z"),
      sleep: async (_ms, signal) => {
        await setImmediate();
        signal?.throwIfAborted();
      },
    },
    log,
    random: () => 0.5,
    reveal: () => Promise.resolve("#cloud-config\n"),
    timeouts: { callMs: 5000, turnMs: 5000 },
    logged,
    ...more,
  };
};

export interface TestClient {
  readonly client: KubernetesClient;
  readonly logged: readonly string[];
  close(): void;
}

export const testClient = async (
  kubeconfig: KubeconfigSource,
  more: Partial<KubernetesOptions> = {},
): Promise<TestClient> => {
  const options = testOptions(kubeconfig, more);
  const clients = createClients(await loadKubeconfig(kubeconfig), options);
  return {
    client: clients.at({ managementCluster: "first" }),
    logged: options.logged,
    close: () => clients.close(),
  };
};
