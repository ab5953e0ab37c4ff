import { expect } from "vitest";
import type { ClusterId, PoolId, ServerId } from "#contract/ids.ts";
import type { AllocationWish } from "#drivers/cluster-ports.ts";
import { controlPlaneGroup } from "#contract/cluster-requests.ts";
import {
  type ArrangedCluster,
  type Plot,
  clusterOf,
  plotCluster,
  standingCluster,
} from "./clusters.ts";
import { type Host, managedServer, objectsOf, writing } from "./hosts.ts";
import type { Site } from "./site.ts";

/** Clusters whose machines are servers under Metal3, each from a pool of its own. */

export interface MetalPlot extends Plot {
  readonly pool: string;
  /** All that are on the pool's list. */
  readonly servers: readonly ServerId[];
}

export interface ArrangedMetal extends ArrangedCluster {
  readonly plot: MetalPlot;
}

let pools = 0;

/** A pool of so many free servers under Metal3. */
export async function metalPool(
  site: Site,
  size: number,
): Promise<{ readonly name: string; readonly servers: readonly ServerId[] }> {
  pools += 1;
  const name = `metal-${pools}`;
  const pool: PoolId = site.ids.pool();
  const place = { region: "local", project: "default" };
  const data = { pool, ...place, name, displayName: null, selector: null, members: [] };
  await site.happened("pool", pool, [{ type: "pool.created", data }]);
  const servers = await Promise.all(
    Array.from({ length: size }, async () =>
      managedServer(site, await site.machine(), { pool: name }),
    ),
  );
  return { name, servers };
}

/** A cluster of one control plane machine and so many workers, and the pool that all of them come from. */
export async function plotMetal(
  site: Site,
  { workers, poolSize }: { readonly workers: number; readonly poolSize: number },
): Promise<MetalPlot> {
  await expectStranger(site);
  const { name: pool, servers } = await metalPool(site, poolSize);
  const plot = plotCluster(site, {
    class: "lab-metal3",
    controlPlane: { replicas: 1, pool },
    nodePools: [{ name: "workers", nodeCount: workers, pool }],
  });
  const { subject } = plot;
  return {
    ...plot,
    pool,
    servers,
    subject: {
      async view() {
        const view = await subject.view();
        // Which server serves which group, and which one goes, is chance.
        return view === null ? null : { ...view, servers: await groupsOf(site, plot.id) };
      },
      world: async () => ({
        cluster: await withoutAllocations(subject.world()),
        hosts: await hostsOf(site, servers),
        groups: await groupsOf(site, plot.id),
      }),
      effects: () => subject.effects(),
    },
  };
}

const withoutAllocations = async (world: Promise<unknown>): Promise<unknown> => {
  const { allocated: _counted, ...rest } = (await world) as { readonly allocated: unknown };
  return rest;
};

/** How many servers each group of the cluster has, by the allocations and by the cluster's own record. */
async function groupsOf(site: Site, id: ClusterId): Promise<unknown> {
  const held = await site.front.ports.allocations.held(id, writing());
  const recorded = (await clusterOf(site, id))?.servers ?? [];
  const count = (servers: readonly { readonly group: string }[]) => {
    const groups = Object.groupBy(servers, ({ group }) => group);
    return Object.fromEntries(
      Object.entries(groups)
        .map(([group, them]) => [group, them?.length ?? 0] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  };
  return { held: count(held), recorded: count(recorded) };
}

/** What each host is there for, in an order in which chance has no part. */
async function hostsOf(site: Site, servers: readonly ServerId[]): Promise<unknown> {
  const hosts = await Promise.all(servers.map(async (id) => (await objectsOf(site, id)).host));
  return hosts.map((host) => (host === null ? "gone" : inShort(host))).toSorted();
}

const inShort = ({ metadata, spec, status }: Host): string =>
  JSON.stringify({
    cluster: metadata.labels["millwright.dev/cluster"] ?? null,
    group: metadata.labels["millwright.dev/group"] ?? null,
    isTaken: spec["consumerRef"] !== undefined,
    image: spec["image"] ?? null,
    state: status.provisioning.state,
  });

/** The cluster with its machines, on servers that it has from the pool. No run was needed for it. */
export async function standingMetal(site: Site, plot: MetalPlot): Promise<void> {
  const { id, ref, spec, pool } = plot;
  const { allocations, hostPool } = site.front.ports;
  const fence = { run: site.ids.run(), owner: "standing/0", fence: 1 };
  // A lease as a run of it would have had.
  await site.database.query(
    "insert into dispatch (run_id, kind, due_at, lease_until, owner, fence) values ($1, 'none@1', now(), now() + interval '1 hour', $2, $3)",
    [fence.run, fence.owner, fence.fence],
  );
  const wish = (group: string, count: number): AllocationWish => ({
    provisioner: "metal3",
    place: spec.place,
    pool,
    group,
    count,
  });
  const [workers] = spec.nodePools;
  const taken = await allocations.allocate(
    { cluster: id, fence, project: "default" },
    [wish(controlPlaneGroup, 1), wish("workers", workers?.nodeCount ?? 0)],
    writing(),
  );
  await allocations.confirm({ cluster: id, fence }, writing());
  await site.database.query("delete from dispatch where run_id = $1", [fence.run]);
  await hostPool.assign(ref, taken, writing());
  const servers = taken.map(({ server, pool: from, group }) => ({ server, pool: from, group }));
  await standingCluster(site, plot, [{ type: "cluster.servers_allocated", data: { servers } }]);
}

/** Its machines are on its own hosts, each of the group that it is for, and on no other. */
export async function expectOwnHosts(
  site: Site,
  plot: MetalPlot,
  { workers }: { readonly workers: number },
): Promise<void> {
  const allHosts = await Promise.all(
    plot.servers.map(async (id) => (await objectsOf(site, id)).host),
  );
  const taken = allHosts.flatMap((host) =>
    host === null || host.spec["consumerRef"] === undefined ? [] : [host],
  );
  expect(taken.map(inShort)).toHaveLength(1 + workers);
  for (const { metadata, spec } of taken) {
    const { name } = spec["consumerRef"] as { readonly name: string };
    expect(metadata.labels["millwright.dev/cluster"]).toBe(plot.id);
    expect(metadata.labels["cluster.x-k8s.io/cluster-name"]).toBe(plot.ref.name);
    const isWorker = metadata.labels["millwright.dev/group"] === "workers";
    expect([name, name.startsWith(`${plot.ref.name}-workers`)]).toEqual([name, isWorker]);
  }
  expect(await groupsOf(site, plot.id)).toEqual({
    held: { [controlPlaneGroup]: 1, workers },
    recorded: { [controlPlaneGroup]: 1, workers },
  });
  await expectStranger(site);
}

/** By site: a server that is free, in no pool, and named so that a machine without a selector would take it first. */
const strangers = new WeakMap<Site, Promise<ServerId>>();

async function expectStranger(site: Site): Promise<void> {
  const known = strangers.get(site);
  const stranger = known ?? site.machine().then((bmc) => managedServer(site, bmc));
  strangers.set(site, stranger);
  const { host } = await objectsOf(site, await stranger);
  expect(host?.spec["consumerRef"]).toBeUndefined();
  expect(host?.status.provisioning.state).toBe("available");
}
