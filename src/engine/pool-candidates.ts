import type { KubernetesPlace } from "#contract/cluster.ts";
import type { PoolId, ServerId } from "#contract/ids.ts";
import { Failure } from "#contract/failures.ts";
import type { Server } from "#contract/server.ts";
import { draw } from "#domain/pool/draw.ts";
import { serverTable } from "#domain/server/row.ts";
import type { ServerState } from "#domain/server/state.ts";
import type { Database, Param } from "#platform/database.ts";
import type { LoadedResource } from "./resources.ts";

/** Which free servers of pools a cluster could have, by the read model. Reads only. */

/** Servers that a group of a cluster's machines shall have from a pool, by its name. */
export interface Wish {
  readonly provisioner: Server["provisioner"];
  /** Where the host must be kept; null: anywhere, or nowhere. */
  readonly place: KubernetesPlace | null;
  readonly pool: string;
  readonly group: string;
  readonly count: number;
}

/** What a group still lacks of what it shall have. */
export type Lacking = Wish & { readonly missing: number };

export type LoadedServer = LoadedResource<"server"> & {
  readonly id: ServerId;
  readonly state: ServerState;
};

/** A server for a place in a group. */
interface Picked {
  readonly server: LoadedServer;
  readonly pool: PoolId;
  readonly group: string;
}

/** A pool and those of its servers that are free and of the wished kind, at most as many as were asked for. */
interface Offer {
  readonly pool: PoolRow;
  readonly provisioner: Server["provisioner"];
  readonly servers: readonly LoadedServer[];
}

interface PoolRow {
  readonly id: PoolId;
  readonly name: string;
  /** Of any kind. */
  readonly total: number;
  readonly free: number;
}

/** Candidates beside those that are needed, among which clusters that fight each choose their own. */
const SPARE = 64;

/** Servers as their rows show them, with the versions of the streams that the rows were made from. */
export async function serversWhere(
  database: Database,
  condition: string,
  params: readonly Param[],
): Promise<LoadedServer[]> {
  const rows = await database.query<{ id: ServerId; stream_version: number; body: unknown }>(
    `select s.id, s.stream_version, s.body from servers s where ${condition}`,
    params,
  );
  return rows.map(({ id, stream_version: version, ...row }) => {
    const state = serverTable.fromRow(row);
    return { type: "server", id, version, state, lockHolder: null };
  });
}

/** Pools by name, without those that there are not. */
async function poolsNamed(
  database: Database,
  place: { readonly region: string; readonly project: string },
  names: readonly string[],
): Promise<ReadonlyMap<string, PoolRow>> {
  const rows = await database.query<PoolRow>(
    `select p.id, p.name, count(s.id)::int as total, count(s.free_since)::int as free from pools p left join servers s on in_pool(s, p)
      where p.region = $1 and p.project = $2 and p.name in (select jsonb_array_elements_text($3::jsonb))
      group by p.id`,
    [place.region, place.project, JSON.stringify(names)],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/**
 * A server for every place that is missing. The longest-free come first; `startAt` (in [0, 1)) begins elsewhere. Throws
 * POOL_CAPACITY_EXCEEDED when there are not enough, NOT_FOUND for a pool that there is not.
 */
export async function pickServers(
  database: Database,
  place: { readonly region: string; readonly project: string },
  { lacking, startAt }: { readonly lacking: readonly Lacking[]; readonly startAt: number },
): Promise<Picked[]> {
  const pools = await poolsNamed(database, place, [...new Set(lacking.map(({ pool }) => pool))]);
  const all = lacking.reduce((sum, { missing }) => sum + missing, 0);
  const offers = new Map<string, Offer>();
  for (const lack of lacking) {
    const pool = pools.get(lack.pool);
    if (pool === undefined)
      throw new Failure("NOT_FOUND", `there is no pool ${lack.pool}`, {
        details: { pool: lack.pool },
      });
    if (offers.has(sourceOf(lack))) continue;
    const { provisioner, place: hostPlace } = lack;
    const found = await serversWhere(
      database,
      `s.free_since is not null and s.project = $4 and s.body->>'provisioner' = $1 and ($5::jsonb is null or s.body->'host' = $5::jsonb)
        and exists (select from pools p where p.id = $2 and in_pool(s, p))
        order by s.free_since, s.id limit $3`,
      [
        provisioner,
        pool.id,
        all + SPARE,
        place.project,
        hostPlace === null ? null : JSON.stringify(hostPlace),
      ],
    );
    const needed = neededFrom(sourceOf(lack), lacking);
    const offer = { pool, provisioner, servers: found };
    if (found.length < needed) throw exceeded(offer, needed);
    const start = Math.floor(startAt * found.length);
    const servers = [...found.slice(start), ...found.slice(0, start)];
    offers.set(sourceOf(lack), { ...offer, servers });
  }
  return matched(lacking, offers);
}

/** What is drawn from one pool is one offer, if it is of one kind. */
const sourceOf = ({ pool, provisioner }: Pick<Wish, "pool" | "provisioner">): string =>
  `${pool} ${provisioner}`;

const neededFrom = (source: string, lacking: readonly Lacking[]): number =>
  lacking.reduce((sum, each) => (sourceOf(each) === source ? sum + each.missing : sum), 0);

/** Pools may share servers, and each server serves one place. */
function matched(lacking: readonly Lacking[], offers: ReadonlyMap<string, Offer>): Picked[] {
  const groups = new Map(
    lacking.flatMap((lack) => {
      const offer = offers.get(sourceOf(lack));
      return offer === undefined ? [] : [[lack.group, { lack, offer }] as const];
    }),
  );
  const servers = new Map(
    [...offers.values()].flatMap((offer) => offer.servers.map((each) => [each.id, each] as const)),
  );
  const result = draw(
    [...groups.values()].map(({ lack: { group, missing }, offer }) => ({
      group,
      missing,
      candidates: offer.servers.map(({ id }) => id),
    })),
  );
  if ("short" in result) {
    const short = groups.get(result.short);
    if (short === undefined) throw new TypeError(`nobody wished for ${result.short}`);
    const source = sourceOf(short.lack);
    const sharing = [...offers].flatMap(([each, { pool }]) => (each === source ? [] : [pool.name]));
    throw exceeded(short.offer, neededFrom(source, lacking), sharing);
  }
  return [...result.drawn].flatMap(([id, group]) => {
    const server = servers.get(id);
    const pool = groups.get(group)?.offer.pool.id;
    return server === undefined || pool === undefined ? [] : [{ server, pool, group }];
  });
}

/** `sharing`: pools in the same wish that have some of its servers too, so that all together have too few. */
function exceeded(
  { pool: { name, total, free: ofAnyKind }, provisioner, servers }: Offer,
  needed: number,
  sharing: readonly string[] = [],
): Failure {
  const free = servers.length;
  const kind = ofAnyKind > free ? ` under ${provisioner}` : "";
  const has = `pool ${name} has ${free} free server${free === 1 ? "" : "s"}${kind}`;
  const lacks = `${needed} ${needed === 1 ? "is" : "are"} needed`;
  const why = sharing.length === 0 ? "" : ` beside those for ${sharing.join(", ")}`;
  return new Failure("POOL_CAPACITY_EXCEEDED", `${has}, ${lacks}${why}`, {
    details: { pool: name, needed, free, total },
  });
}
