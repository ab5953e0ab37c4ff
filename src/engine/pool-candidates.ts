import type { PoolId, ServerId } from "#contract/ids.ts";
import { Failure } from "#contract/failures.ts";
import { draw } from "#domain/pool/draw.ts";
import { serverTable } from "#domain/server/row.ts";
import type { ServerState } from "#domain/server/state.ts";
import type { Database, Param } from "#platform/database.ts";
import type { LoadedResource } from "./resources.ts";

/** Which free servers of pools a cluster could have, by the read model. Reads only. */

/** Servers that a group of a cluster's machines shall have from a pool, by its name. */
export interface Wish {
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

/** A pool and its servers that are free, at most as many as were asked for. */
interface Offer {
  readonly pool: PoolRow;
  readonly servers: readonly LoadedServer[];
}

interface PoolRow {
  readonly id: PoolId;
  readonly name: string;
  readonly total: number;
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
    `select p.id, p.name, count(s.id)::int as total from pools p left join servers s on in_pool(s, p)
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
  const names = [...new Set(lacking.map(({ pool }) => pool))];
  const pools = await poolsNamed(database, place, names);
  const all = lacking.reduce((sum, { missing }) => sum + missing, 0);
  const offers = new Map<string, Offer>();
  for (const name of names) {
    const pool = pools.get(name);
    if (pool === undefined)
      throw new Failure("NOT_FOUND", `there is no pool ${name}`, { details: { pool: name } });
    const found = await serversWhere(
      database,
      "s.free_since is not null and exists (select from pools p where p.id = $1 and in_pool(s, p)) order by s.free_since, s.id limit $2",
      [pool.id, all + SPARE],
    );
    const needed = neededFrom(name, lacking);
    if (found.length < needed) throw exceeded(pool, { needed, free: found.length });
    const start = Math.floor(startAt * found.length);
    offers.set(name, { pool, servers: [...found.slice(start), ...found.slice(0, start)] });
  }
  return matched(lacking, offers);
}

const neededFrom = (pool: string, lacking: readonly Lacking[]): number =>
  lacking.reduce((sum, each) => (each.pool === pool ? sum + each.missing : sum), 0);

/** Pools may share servers, and each server serves one place. */
function matched(lacking: readonly Lacking[], offers: ReadonlyMap<string, Offer>): Picked[] {
  const groups = new Map(
    lacking.flatMap((lack) => {
      const offer = offers.get(lack.pool);
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
    const { pool, servers: free } = short.offer;
    throw exceeded(pool, {
      needed: neededFrom(pool.name, lacking),
      free: free.length,
      sharing: [...offers.keys()].filter((name) => name !== pool.name),
    });
  }
  return [...result.drawn].flatMap(([id, group]) => {
    const server = servers.get(id);
    const pool = groups.get(group)?.offer.pool.id;
    return server === undefined || pool === undefined ? [] : [{ server, pool, group }];
  });
}

/** `sharing`: pools in the same wish that have some of its servers too, so that all together have too few. */
function exceeded(
  { name, total }: PoolRow,
  {
    needed,
    free,
    sharing = [],
  }: { readonly needed: number; readonly free: number; readonly sharing?: readonly string[] },
): Failure {
  const has = `pool ${name} has ${free} free server${free === 1 ? "" : "s"}`;
  const lacks = `${needed} ${needed === 1 ? "is" : "are"} needed`;
  const why = sharing.length === 0 ? "" : ` beside those for ${sharing.join(", ")}`;
  return new Failure("POOL_CAPACITY_EXCEEDED", `${has}, ${lacks}${why}`, {
    details: { pool: name, needed, free, total },
  });
}
