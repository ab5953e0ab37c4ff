import { sql } from "kysely";
import { z } from "zod";
import type { Health, PowerState } from "#contract/inventory.ts";
import type { ServerLifecycleState } from "#contract/server.ts";
import type { StoredServer } from "#domain/server/row.ts";
import type { Database } from "#platform/database.ts";
import type { ListPage, ListQuery } from "./list-query.ts";
import type { RowCounter } from "./row-count.ts";
import { type Fragment, allOf, rowsOf } from "./sql.ts";

/** Which servers a list asks for. */
export interface ServerFilter {
  readonly region: string;
  readonly project: string;
  readonly state?: ServerLifecycleState;
  readonly health?: Health;
  readonly power?: PowerState;
  /** Name of a pool, of either kind. */
  readonly pool?: string;
  /** All of them: with a value, or (null) with any value. */
  readonly tag?: readonly { readonly key: string; readonly value: string | null }[];
}

export const serverSorts = ["-createdAt", "createdAt"] as const;
export type ServerSort = (typeof serverSorts)[number];

export const ServerKey = z.strictObject({ id: z.string().regex(/^srv_[0-9A-Z]{26}$/) });
export type ServerKey = z.infer<typeof ServerKey>;

function conditionsOf(filter: ServerFilter): Fragment[] {
  const all: Fragment[] = [sql`project = ${filter.project}`, sql`region = ${filter.region}`];
  if (filter.state !== undefined) all.push(sql`state = ${filter.state}`);
  if (filter.health !== undefined) all.push(sql`health = ${filter.health}`);
  if (filter.power !== undefined) all.push(sql`power = ${filter.power}`);
  if (filter.pool !== undefined)
    all.push(
      sql`exists (select from pools p where p.region = ${filter.region} and p.project = ${filter.project} and p.name = ${filter.pool} and in_pool(servers, p))`,
    );
  for (const { key, value } of filter.tag ?? [])
    all.push(
      value === null
        ? sql`jsonb_exists(tags, ${key})`
        : sql`tags @> ${JSON.stringify({ [key]: value })}::jsonb`,
    );
  return all;
}

/** Ids sort by the time they were made, so the order is that of the index on project and id. */
export async function listServers(
  db: Database,
  counter: RowCounter,
  { filter, sort, limit, start }: ListQuery<ServerFilter, ServerKey, ServerSort>,
): Promise<ListPage<StoredServer, ServerKey>> {
  const conditions = conditionsOf(filter);
  const descending = sort === "-createdAt";
  const after =
    start.by === "number"
      ? []
      : [descending ? sql`id < ${start.after.id}` : sql`id > ${start.after.id}`];
  const [rows, total] = await Promise.all([
    rowsOf<{ body: StoredServer }>(
      db,
      sql`select body from servers where ${allOf([...conditions, ...after])}
        order by id ${descending ? sql`desc` : sql`asc`} limit ${limit + 1} offset ${start.by === "number" ? start.skip : 0}`,
    ),
    counter.count(sql`from servers where ${allOf(conditions)}`),
  ]);
  const items = rows.slice(0, limit).map((row) => row.body);
  const last = items.at(-1);
  return {
    items,
    total,
    next: rows.length > limit && last !== undefined ? { id: last.id } : null,
  };
}
