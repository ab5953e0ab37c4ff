import type { Cluster } from "#contract/cluster.ts";
import { type DemoPool, showPool } from "./pool-chapter.ts";
import { done, type Stage } from "./stage.ts";

/** A cluster's life on servers of a pool: created, scaled, upgraded, and at the end deleted. */

/** The cluster as the other chapters know it: where it is read. */
export interface DemoCluster {
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/** The newest but one is upgraded from, so that there is something to go to. */
const FROM = "v1.33.9";
const TO = "v1.34.5";

/** What is asked for a cluster on servers of the pool. */
export const onServersOf = (
  { name: pool }: DemoPool,
  { name, replicas, nodeCount }: { name: string; replicas: number; nodeCount: number },
) => ({
  name,
  class: "lab-metal3",
  kubernetesVersion: FROM,
  controlPlane: { replicas, pool },
  nodePools: [{ name: "workers", nodeCount, pool }],
});

/** Creates the cluster and scales it up. Null: there is none. */
export async function buildCluster(stage: Stage, pool: DemoPool): Promise<DemoCluster | null> {
  stage.chapter("A cluster");
  const { api } = stage;
  const clusters = `${stage.base}/compute/clusters`;
  const name = "prod";
  const created = await stage.follow(
    `Create cluster ${name} from the pool: 3 servers for its control plane, 1 worker`,
    () => api.request("POST", clusters, onServersOf(pool, { name, replicas: 3, nodeCount: 1 })),
    done,
    {
      when: (run) => run.steps.some((step) => step.name === "apply-cluster" && step.attempts > 0),
      act: () => showPool(stage, pool, { total: 7, free: 3, reserved: 4, used: 0 }),
    },
  );
  if (created?.status !== "completed") return null;
  const path = `${clusters}/${created.resourceId}`;
  await showPool(stage, pool, { total: 7, free: 3, reserved: 0, used: 4 });
  const cluster = (await api.request("GET", path)).data as Cluster;
  for (const group of new Set(cluster.servers.map((each) => each.group))) {
    const servers = cluster.servers.filter((each) => each.group === group);
    const names = servers.map(({ server }) => pool.servers.get(server) ?? server);
    stage.say(`${group.padEnd(14)} ${names.join(", ")}`);
  }
  const kubeconfig = await api.text(`${path}/kubeconfig`);
  stage.say(`its API server is at ${cluster.endpoint}`);
  stage.expect(
    cluster.endpoint !== null && kubeconfig.includes(cluster.endpoint),
    "the kubeconfig should lead to the cluster's API server",
  );

  await stage.follow(
    "Scale its workers to 2",
    () => api.request("POST", `${path}/scale`, { nodePool: "workers", nodeCount: 2 }),
    done,
  );
  await showPool(stage, pool, { total: 7, free: 2, reserved: 0, used: 5 });
  return { id: created.resourceId, name, path };
}

export async function upgradeCluster(
  stage: Stage,
  { pool, cluster: { path } }: { readonly pool: DemoPool; readonly cluster: DemoCluster },
): Promise<void> {
  await stage.follow(
    `Upgrade it from ${FROM} to ${TO}: two servers more meanwhile, so that each machine comes before an old one goes`,
    () => stage.api.request("POST", `${path}/upgrade`, { kubernetesVersion: TO }),
    done,
    {
      when: (run) => run.steps.some((step) => step.name === "apply-version" && step.attempts > 0),
      act: () => showPool(stage, pool, { total: 7, free: 0, reserved: 2, used: 5 }),
    },
  );
  await showPool(stage, pool, { total: 7, free: 2, reserved: 0, used: 5 });
  const { kubernetesVersion, state } = (await stage.api.request("GET", path)).data as Cluster;
  stage.expect(
    kubernetesVersion === TO && state === "running",
    `the cluster should be running at ${TO}; it is ${state} at ${kubernetesVersion}`,
  );
}

export async function deleteCluster(
  stage: Stage,
  { pool, cluster }: { readonly pool: DemoPool; readonly cluster: DemoCluster },
): Promise<void> {
  stage.chapter("The end");
  await stage.follow(
    `Delete cluster ${cluster.name}: done when it is gone, and its servers are clean and free`,
    () => stage.api.request("DELETE", cluster.path),
    done,
  );
  await showPool(stage, pool, { total: 7, free: 7, reserved: 0, used: 0 });
  const left = await stage.lab.objectsOf(cluster);
  stage.expect(
    left.length === 0,
    `of the deleted cluster there should be nothing: ${left.join(", ")}`,
  );
}
