import type { ClusterId, PoolId, RunId, ServerId } from "#contract/ids.ts";
import type { PoolSelector } from "#contract/pool.ts";
import type { ServerFact } from "#contract/server.ts";
import { poolTable } from "#domain/pool/row.ts";
import type { PoolState } from "#domain/pool/state.ts";
import { serverTable } from "#domain/server/row.ts";
import { inspected, registerInput } from "#domain/server/testing/story.ts";
import type { AllocationOwner, AllocationPort, AllocationWish } from "#drivers/cluster-ports.ts";
import { createAllocations } from "#engine/allocations.ts";
import { type ResourceBindings, Resources, bindPool, bindResource } from "#engine/resources.ts";
import { type OpenJournal, openJournal } from "#journal/postgres-journal.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createIds } from "#platform/ids.ts";
import { type PoolReader, createPoolReader } from "#projections/pool-reader.ts";

/** Servers and pools of one project, as the journal keeps them, and the port by which clusters draw from them. */

export const poolBindings: ResourceBindings = {
  server: bindResource(serverTable),
  pool: bindPool(poolTable),
};

const reading = { signal: new AbortController().signal };
const ids = createIds(() => systemClock.now());
export const newCluster = (): ClusterId => ids.make("cls");
export const newRun = (): RunId => ids.run();

export interface PoolSite {
  readonly place: { readonly region: string; readonly project: string };
  readonly port: AllocationPort;
  readonly pools: PoolReader;
  readonly journal: OpenJournal;
  /** Registered and inspected. */
  server(
    tags?: Readonly<Record<string, string>>,
    pool?: string | null,
    provisioner?: AllocationWish["provisioner"],
  ): Promise<ServerId>;
  pool(name: string, selector?: PoolSelector | null): Promise<PoolState>;
  happened(kind: "server" | "pool", id: string, ...facts: readonly AnyFact[]): Promise<void>;
  /** The cluster's run with a lease of its own, for the port's verbs. */
  leased(owner: Owner): Promise<AllocationOwner>;
  allocate(owner: Owner, ...wishes: readonly Wish[]): ReturnType<AllocationPort["allocate"]>;
  held(cluster: ClusterId): ReturnType<AllocationPort["held"]>;
  /** These, those that a run has taken, or all. */
  release(
    owner: Owner,
    which: { readonly servers: readonly ServerId[] } | { readonly takenBy: RunId } | "all",
  ): Promise<readonly ServerId[]>;
  releaseStranded(): Promise<readonly ServerId[]>;
  confirm(owner: Owner): Promise<void>;
}

export interface Owner {
  readonly cluster: ClusterId;
  readonly run: RunId;
}

/** Of servers under redfish where nothing else is said. */
type Wish = Omit<AllocationWish, "provisioner" | "place"> & Partial<AllocationWish>;

type AnyFact = { readonly type: string; readonly data: unknown };

export async function openPoolSite(
  database: Database,
  project: string,
  random: () => number = Math.random,
): Promise<PoolSite> {
  const place = { region: "local", project };
  const journal = await openJournal(database);
  const resources = new Resources(database, poolBindings);
  const port = createAllocations({
    database,
    journal,
    clock: systemClock,
    random,
    region: place.region,
  });
  const happened: PoolSite["happened"] = async (kind, id, ...facts) => {
    for (;;) {
      const loaded = await resources.load(kind, id, true);
      const at = systemClock.now();
      const { appends, rows } = resources.write(loaded, facts, { at, run: null, actor: "dana" });
      if ((await journal.commit({ appends, rows })).ok) return;
    }
  };
  /** As the engine has it while a step runs; of a kind that no engine claims. */
  const leased = async ({ cluster, run }: Owner) => {
    const fence = { run, owner: "site/0", fence: 1 };
    await database.query(
      "insert into dispatch (run_id, kind, due_at, owner, fence) values ($1, 'none@1', now(), $2, $3) on conflict do nothing",
      [run, fence.owner, fence.fence],
    );
    return { cluster, fence };
  };
  const pools = createPoolReader(database, () => systemClock.now());
  return {
    place,
    port,
    pools,
    journal,
    happened,
    async server(tags = {}, pool = null, provisioner = "redfish") {
      const id = ids.server();
      const { serverId: _id, inspect: _i, onFailure: _o, ...data } = registerInput;
      const requested: ServerFact = {
        type: "server.requested",
        data: { ...data, ...place, server: id, tags, pool, provisioner },
      };
      await happened("server", id, requested, { type: "server.registered", data: {} }, inspected());
      return id;
    },
    async pool(name, selector = null) {
      const id: PoolId = ids.pool();
      const data = { pool: id, ...place, name, displayName: null, selector, members: [] };
      await happened("pool", id, { type: "pool.created", data });
      const pool = await pools.stored(id, place);
      if (pool === null) throw new Error(`pool ${name} was not kept`);
      return pool;
    },
    leased,
    allocate: async (owner, ...wishes) =>
      port.allocate(
        { ...(await leased(owner)), project },
        wishes.map((wish) => ({ provisioner: "redfish", place: null, ...wish })),
        reading,
      ),
    held: (cluster) => port.held(cluster, reading),
    async release(owner, which) {
      const held = await port.held(owner.cluster, reading);
      const meant = held.filter(({ server, takenBy }) =>
        which === "all" || "servers" in which
          ? which === "all" || which.servers.includes(server)
          : takenBy === which.takenBy,
      );
      return port.release(
        await leased(owner),
        { servers: meant.map(({ server }) => server) },
        reading,
      );
    },
    releaseStranded: () => port.releaseStranded(reading),
    confirm: async (owner) => port.confirm(await leased(owner), reading),
  };
}
