import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { clusterKind } from "#drivers/cluster-api/kinds.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { createClients } from "#drivers/kubernetes/clients.ts";
import { loadKubeconfig } from "#drivers/kubernetes/kubeconfig.ts";
import { type Kind, type Manifest, Meta } from "#drivers/kubernetes/object.ts";
import { systemClock } from "#platform/clock.ts";
import { Child } from "./child.ts";
import type { Memory } from "./memory.ts";

/** A lab for a fleet of clusters: in a process of its own, seen from outside. */

const Description = z.object({ kubernetes: z.object({ kubeconfig: z.string() }) });
const Requests = z.object({
  requests: z.array(z.object({ verb: z.string(), resource: z.string(), count: z.number() })),
});
const Effects = z.array(
  z.object({ target: z.string(), action: z.string(), key: z.string().optional() }),
);

export type Requests = z.infer<typeof Requests>["requests"];
export type Effects = z.infer<typeof Effects>;

const Condition = z.object({
  type: z.string(),
  status: z.string(),
  lastTransitionTime: z.coerce.date(),
});
const Counts = z.object({ desiredReplicas: z.number(), readyReplicas: z.number() }).partial();

const ClusterSchema = z.object({
  metadata: Meta,
  status: z
    .object({
      conditions: z.array(Condition).default([]),
      controlPlane: Counts.default({}),
      workers: Counts.default({}),
    })
    .optional(),
});
export type LabCluster = z.infer<typeof ClusterSchema>;

/** With the times of its conditions, which the product does not read. */
export const timedClusterKind: Kind<LabCluster> = { ...clusterKind, schema: ClusterSchema };

export const namespace = "default";
export const version = "v1.33.9";
export const clusterClass = "lab-virtual";

/** One machine for the control plane and one worker. */
export const manifestOf = (name: string): Manifest => ({
  apiVersion: "cluster.x-k8s.io/v1beta2",
  kind: "Cluster",
  metadata: { name, namespace, labels: {} },
  spec: {
    topology: {
      classRef: { name: clusterClass },
      version,
      controlPlane: { replicas: 1 },
      workers: {
        machineDeployments: [{ name: "workers", class: "worker", replicas: 1 }],
      },
    },
  },
});

const is = (cluster: LabCluster, type: string, status: string): boolean =>
  cluster.status?.conditions.some((each) => each.type === type && each.status === status) ?? false;

/** When its operators had nothing left to change, ms since 1970, to the second; null while they have. */
export function wholeAt(cluster: LabCluster): number | null {
  const { conditions = [], controlPlane = {}, workers = {} } = cluster.status ?? {};
  const isWhole =
    is(cluster, "Available", "True") &&
    is(cluster, "TopologyReconciled", "True") &&
    is(cluster, "RollingOut", "False") &&
    is(cluster, "ScalingUp", "False") &&
    controlPlane.readyReplicas === 1 &&
    workers.readyReplicas === 1 &&
    workers.desiredReplicas === 1;
  return isWhole ? Math.max(...conditions.map((each) => each.lastTransitionTime.getTime())) : null;
}

export interface FleetLab {
  readonly url: string;
  readonly kubeconfig: string;
  readonly client: KubernetesClient;
  clusters(): Promise<readonly LabCluster[]>;
  requests(): Promise<Requests>;
  effects(): Promise<Effects>;
  /** Every object by kind, namespace and name. */
  objects(): Promise<readonly string[]>;
  /** Resolves when the operators have left nothing of what is wanted to do, looked at every few seconds. */
  until(isTrue: (clusters: readonly LabCluster[]) => boolean): Promise<void>;
}

/** A list of a thousand clusters is some work for the lab. */
const LOOK_EVERY_MS = 5_000;

/** Runs `work` beside a new lab, which is gone afterwards. */
export async function besideLab<Result>(
  speed: number,
  work: (lab: FleetLab) => Promise<Result>,
): Promise<{ readonly result: Result; readonly memory: Memory }> {
  const dir = await mkdtemp(join(tmpdir(), "millwright-bench-lab-"));
  const child = new Child("./lab.child.ts", { args: [dir, String(speed)] });
  try {
    const url = String((await child.said("ready"))["url"]);
    const get = async (path: string): Promise<unknown> =>
      (await fetch(`${url}/_lab${path}`)).json();
    const { kubernetes } = Description.parse(await get(""));
    const clients = createClients(await loadKubeconfig({ text: kubernetes.kubeconfig }), {
      kubeconfig: { text: kubernetes.kubeconfig },
      clock: systemClock,
      log: () => undefined,
      random: Math.random,
      reveal: () => Promise.reject(new Error("the benchmark has no secrets")),
    });
    const client = clients.at({ managementCluster: "lab-admin" });
    const clusters = (): Promise<readonly LabCluster[]> =>
      client.list(timedClusterKind, { namespace }, { signal: AbortSignal.timeout(60_000) });
    try {
      const result = await work({
        url,
        kubeconfig: kubernetes.kubeconfig,
        client,
        clusters,
        requests: async () => Requests.parse(await get("/kubernetes/requests")).requests,
        effects: async () => Effects.parse(await get("/effects")),
        objects: async () => {
          const snapshot = z
            .object({ kubernetes: z.record(z.string(), z.unknown()) })
            .parse(await get("/snapshot"));
          return Object.keys(snapshot.kubernetes);
        },
        async until(isTrue) {
          while (!isTrue(await clusters())) await sleep(LOOK_EVERY_MS);
        },
      });
      await child.stop();
      return { result, memory: (await child.said("stopping")) as unknown as Memory };
    } finally {
      clients.close();
    }
  } finally {
    await child.kill();
    await rm(dir, { recursive: true, force: true });
  }
}
