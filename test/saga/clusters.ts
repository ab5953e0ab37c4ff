import { z } from "zod";
import type { ClusterFact, ClusterSpec } from "#contract/cluster.ts";
import type { ClusterId, RunId } from "#contract/ids.ts";
import { clusterTable } from "#domain/cluster/row.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { clusterView } from "#domain/cluster/view.ts";
import type { ClusterRef, KubernetesWrite } from "#drivers/cluster-ports.ts";
import { wantedOf } from "#workflows/cluster/kit.ts";
import type { Arranged } from "./harness.ts";
import { type Site, until } from "./site.ts";
import type { Subject } from "./subject.ts";

/** Clusters as the saga harness plays with them: on the lab's management cluster, each with a name of its own. */

export interface ArrangedCluster extends Arranged {
  readonly id: ClusterId;
  readonly ref: ClusterRef;
}

/** A case's cluster, before anything of it is there. */
export interface Plot {
  readonly id: ClusterId;
  readonly ref: ClusterRef;
  readonly spec: ClusterSpec;
  readonly subject: Subject;
}

/** Of the lab: nothing that an operator does takes longer than a fifth of a second. */
export const clusterSpeed = 2_400;

let plots = 0;
const nobody = "run_00000000000000000000000000" satisfies RunId;
const place = { managementCluster: "lab-admin", namespace: "default" } as const;

/** What the lab's virtual class offers, oldest first. */
export const versions = ["v1.33.9", "v1.34.5"] as const;

export function plotCluster(site: Site, more: Partial<ClusterSpec> = {}): Plot {
  plots += 1;
  // The point of the last letter: no name begins with another.
  const name = `saga-${plots}x`;
  const id = site.ids.cluster();
  const ref = { id, place, name };
  const spec: ClusterSpec = {
    name,
    driver: "cluster-api",
    place,
    kubernetesVersion: versions[0],
    class: "lab-virtual",
    template: null,
    credential: null,
    config: null,
    controlPlane: { replicas: 1, pool: null },
    nodePools: [{ name: "workers", nodeCount: 1, pool: null }],
    protected: false,
    ...more,
  };
  return { id, ref, spec, subject: subjectOf(site, id, name) };
}

const Snapshot = z.object({ kubernetes: z.record(z.string(), z.unknown()) });
const Topology = z.object({ spec: z.object({ topology: z.unknown() }) });

function subjectOf(site: Site, id: ClusterId, name: string): Subject {
  return {
    async view() {
      const cluster = await clusterOf(site, id);
      if (cluster === null) return null;
      const { updatedAt: _at, problems: _problems, ...view } = clusterView(cluster);
      return view;
    },
    // The names of machines are chance, so they are counted.
    async world() {
      const { kubernetes } = Snapshot.parse(await site.lab.get(`/snapshot?prefix=${name}`));
      const own = Object.entries(kubernetes);
      const kinds = Object.groupBy(own, ([key]) => key.slice(0, key.indexOf(" ")));
      const cluster = Topology.safeParse(kubernetes[`Cluster.cluster.x-k8s.io default/${name}`]);
      const allocated = await site.database.query(
        "select id from servers where allocated_to = $1 order by id",
        [id],
      );
      return {
        kinds: Object.fromEntries(
          Object.entries(kinds).map(([kind, objects]) => [kind, objects?.length ?? 0]),
        ),
        topology: cluster.data?.spec.topology ?? null,
        allocated,
      };
    },
    effects: () => site.lab.effectsOf(name),
  };
}

export async function clusterOf(site: Site, id: ClusterId): Promise<ClusterState | null> {
  const rows = await site.database.query<Record<string, unknown>>(
    "select body from clusters where id = $1",
    [id],
  );
  return rows[0] === undefined ? null : clusterTable.fromRow(rows[0]);
}

const writing = (): KubernetesWrite => ({
  signal: AbortSignal.timeout(120_000),
  key: `${nobody}/arranged`,
  run: nobody,
});

/** A cluster that is there and whole, and whatever the facts make of its record. No run was needed for it. */
export async function standingCluster(
  site: Site,
  { id, ref, spec }: Plot,
  facts: readonly ClusterFact[] = [],
): Promise<void> {
  const { clusters, secrets } = site.front.ports;
  await site.happened("cluster", id, [
    { type: "cluster.requested", data: { cluster: id, region: "local", project: "default", spec } },
  ]);
  const record = await clusterOf(site, id);
  if (record === null) throw new Error("the cluster could not be arranged");
  const port = clusters[spec.driver];
  await port.create(ref, wantedOf(record), writing());
  await until(async () => {
    const state = await port.read(ref, writing());
    return state !== null && state.observed && state.settled && !state.changing;
  });
  const kubeconfig = await secrets.keep({ owner: id, name: "kubeconfig" }, "apiVersion: v1\n");
  await site.happened("cluster", id, [
    { type: "cluster.kubeconfig_stored", data: { secret: kubeconfig } },
    { type: "cluster.created", data: { endpoint: null } },
    ...facts,
  ]);
}

/** The machines of the cluster in the world, by what they are for. */
export async function machinesOf(site: Site, { ref, spec }: Plot): Promise<unknown> {
  const state = await site.front.ports.clusters[spec.driver].read(ref, writing());
  return state === null
    ? null
    : {
        controlPlane: state.controlPlane.available,
        workers: state.nodePools.map(({ name, available }) => ({ name, available })),
        versions: [
          ...new Set(
            [state.controlPlane, ...state.nodePools].flatMap((group) =>
              group.versions.map(({ version }) => version),
            ),
          ),
        ],
      };
}
