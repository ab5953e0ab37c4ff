import { sql } from "kysely";
import { z } from "zod";
import type { KubernetesPlace } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { ServerId } from "#contract/ids.ts";
import { PoolCounts, type Pool, type PoolSelector } from "#contract/pool.ts";
import type { LackingGroup } from "#domain/cluster/pooled-groups.ts";
import type { PoolState } from "#domain/pool/state.ts";
import { poolView } from "#domain/pool/view.ts";
import { pickServers } from "#engine/pool-candidates.ts";
import type { Database } from "#platform/database.ts";
import type { ListPage, ListQuery } from "./list-query.ts";
import { RowCounter } from "./row-count.ts";
import type { ServerPlace } from "./server-reader.ts";
import { type Fragment, allOf, rowsOf } from "./sql.ts";

export const poolSorts = ["-createdAt", "createdAt"] as const;
export type PoolSort = (typeof poolSorts)[number];

export const PoolKey = z.strictObject({ id: z.string().regex(/^pool_[0-9A-Z]{26}$/) });
export type PoolKey = z.infer<typeof PoolKey>;

/** The servers that a pool has, or would have. */
export type Membership =
  | { readonly pool: PoolState }
  | { readonly selector: PoolSelector }
  | { readonly members: readonly ServerId[] };

/** Everything that is read about pools. */
export interface PoolReader {
  list(query: ListQuery<ServerPlace, PoolKey, PoolSort>): Promise<ListPage<Pool, PoolKey>>;
  get(id: string, place: ServerPlace): Promise<Pool | null>;
  /** The folded pool, for what has to be decided from it at the door. */
  stored(id: string, place: ServerPlace): Promise<PoolState | null>;
  named(name: string, place: ServerPlace): Promise<PoolState | null>;
  counts(membership: Membership, place: ServerPlace): Promise<PoolCounts>;
  /**
   * Why the servers that are free now are not enough for all groups of a cluster, each of whose machines must be under Metal3 at the place of its
   * objects: POOL_CAPACITY_EXCEEDED or NOT_FOUND as the run would say; null: they are. Nothing is kept for anybody.
   */
  shortage(
    groups: readonly LackingGroup[],
    hosts: KubernetesPlace,
    place: ServerPlace,
  ): Promise<Failure | null>;
  /** The servers of a list. */
  members(pool: PoolState): Promise<readonly ServerId[]>;
  /** The clusters that have servers which were drawn from the pool, and how many each. */
  clusters(id: string): Promise<readonly { readonly cluster: string; readonly servers: number }[]>;
}

/** Of servers `s`; of none at all, zeros. */
const counted = sql`count(s.id)::int as total, count(s.free_since)::int as free,
  (count(s.free_since) filter (where s.body->>'provisioner' = 'metal3'))::int as drawable,
  (count(*) filter (where s.allocation = 'reserved'))::int as reserved,
  (count(*) filter (where s.allocation = 'used'))::int as used`;

interface PoolRow extends PoolCounts {
  readonly body: PoolState;
}

const viewOf = ({ body, ...counts }: PoolRow): Pool => poolView(body, counts);

const poolsWhere = (condition: Fragment, order: Fragment): Fragment =>
  sql`select p.body, c.total, c.free, c.drawable, c.reserved, c.used
    from (select * from pools where ${condition} ${order}) p
    cross join lateral (select ${counted} from servers s where in_pool(s, p)) c`;

export function createPoolReader(db: Database, now: () => number): PoolReader {
  const counter = new RowCounter(db, now);
  const inPlace = ({ region, project }: ServerPlace): Fragment =>
    sql`region = ${region} and project = ${project}`;
  const one = async (condition: Fragment, place: ServerPlace): Promise<PoolState | null> => {
    const [row] = await rowsOf<{ body: PoolState }>(
      db,
      sql`select body from pools where ${condition} and ${inPlace(place)}`,
    );
    return row?.body ?? null;
  };
  return {
    async list({ filter, sort, limit, start }) {
      const descending = sort === "-createdAt";
      const after =
        start.by === "number"
          ? []
          : [descending ? sql`id < ${start.after.id}` : sql`id > ${start.after.id}`];
      const byId = sql`order by id ${descending ? sql`desc` : sql`asc`}`;
      const offset = start.by === "number" ? start.skip : 0;
      const [rows, total] = await Promise.all([
        rowsOf<PoolRow>(
          db,
          sql`${poolsWhere(
            allOf([inPlace(filter), ...after]),
            sql`${byId} limit ${limit + 1} offset ${offset}`,
          )} order by p.id ${descending ? sql`desc` : sql`asc`}`,
        ),
        counter.count(sql`from pools where ${inPlace(filter)}`),
      ]);
      const items = rows.slice(0, limit).map(viewOf);
      const last = items.at(-1);
      return {
        items,
        total,
        next: rows.length > limit && last !== undefined ? { id: last.id } : null,
      };
    },
    async get(id, place) {
      const [row] = await rowsOf<PoolRow>(
        db,
        poolsWhere(sql`id = ${id} and ${inPlace(place)}`, sql``),
      );
      return row === undefined ? null : viewOf(row);
    },
    stored: (id, place) => one(sql`id = ${id}`, place),
    named: (name, place) => one(sql`name = ${name}`, place),
    async shortage(groups, hosts, { region, project }) {
      const lacking = groups.map((group) => ({
        ...group,
        provisioner: "metal3" as const,
        place: hosts,
      }));
      try {
        await pickServers(db, { region, project }, { lacking, startAt: 0 });
        return null;
      } catch (thrown) {
        if (thrown instanceof Failure) return thrown;
        throw thrown;
      }
    },
    async counts(membership, place) {
      const servers = sql`s.region = ${place.region} and s.project = ${place.project} and s.state <> 'decommissioned'`;
      const condition =
        "pool" in membership
          ? sql`exists (select from pools p where p.id = ${membership.pool.id} and in_pool(s, p))`
          : "selector" in membership
            ? sql`${servers} and s.tags @> ${JSON.stringify(membership.selector.tags)}::jsonb`
            : sql`${servers} and s.id in (select jsonb_array_elements_text(${JSON.stringify(membership.members)}::jsonb))`;
      const [row] = await rowsOf<PoolCounts>(
        db,
        sql`select ${counted} from servers s where ${condition}`,
      );
      return PoolCounts.parse(row);
    },
    async members({ name, region, project }) {
      const rows = await rowsOf<{ id: ServerId }>(
        db,
        sql`select id from servers where pool = ${name} and ${inPlace({ region, project })} order by id`,
      );
      return rows.map(({ id }) => id);
    },
    clusters: (id) =>
      rowsOf(
        db,
        sql`select allocated_to as cluster, count(*)::int as servers from servers
          where allocated_from = ${id} group by allocated_to order by allocated_to`,
      ),
  };
}
