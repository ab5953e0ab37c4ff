import { sql } from "kysely";
import { z } from "zod";
import type { Cluster, ClusterDriver, KubernetesPlace } from "#contract/cluster.ts";
import type { Vm } from "#contract/vm.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { clusterView } from "#domain/cluster/view.ts";
import type { VmState } from "#domain/vm/state.ts";
import { vmView } from "#domain/vm/view.ts";
import type { Database } from "#platform/database.ts";
import type { ListPage, ListQuery } from "./list-query.ts";
import { RowCounter } from "./row-count.ts";
import { type Fragment, allOf, rowsOf } from "./sql.ts";

/** Everything that is read about clusters and virtual machines, whose tables are alike. */

/** Where it lives: what another region or project asks for is not there. */
interface Home {
  readonly region: string;
  readonly project: string;
}

export interface ComputeFilter extends Home {
  readonly state?: string | undefined;
  /** Of clusters. */
  readonly driver?: ClusterDriver | undefined;
  readonly name?: string | undefined;
}

export const computeSorts = ["-createdAt", "createdAt"] as const;
export type ComputeSort = (typeof computeSorts)[number];

export const ComputeKey = z.strictObject({ id: z.string().regex(/^(cls|vm)_[0-9A-Z]{26}$/) });
export type ComputeKey = z.infer<typeof ComputeKey>;

export interface ComputeReader<State, View> {
  list(
    query: ListQuery<ComputeFilter, ComputeKey, ComputeSort>,
  ): Promise<ListPage<View, ComputeKey>>;
  get(id: string, home: Home): Promise<View | null>;
  /** Who bears a name at a place; null: nobody. Only for plans: the commit itself refuses the second. */
  bearer(place: KubernetesPlace, name: string): Promise<string | null>;
  /** The folded resource, for what has to be decided from it at the door. */
  stored(id: string, home: Home): Promise<State | null>;
}

export type ClusterReader = ComputeReader<ClusterState, Cluster>;
export type VmReader = ComputeReader<VmState, Vm>;

type Table = "clusters" | "vms";

function conditionsOf({ region, project, state, driver, name }: ComputeFilter): Fragment[] {
  const all: Fragment[] = [sql`project = ${project}`, sql`region = ${region}`];
  if (state !== undefined) all.push(sql`state = ${state}`);
  if (driver !== undefined) all.push(sql`driver = ${driver}`);
  if (name !== undefined) all.push(sql`name = ${name}`);
  return all;
}

function createReader<State extends { readonly id: string }, View>(
  db: Database,
  now: () => number,
  { table, view }: { readonly table: Table; readonly view: (state: State) => View },
): ComputeReader<State, View> {
  const counter = new RowCounter(db, now);
  const from = sql`from ${sql.table(table)}`;
  const stored: ComputeReader<State, View>["stored"] = async (id, { region, project }) => {
    const [row] = await rowsOf<{ body: State }>(
      db,
      sql`select body ${from} where id = ${id} and region = ${region} and project = ${project}`,
    );
    return row?.body ?? null;
  };
  return {
    stored,
    async bearer(place, name) {
      const [found] = await rowsOf<{ id: string }>(
        db,
        sql`select id ${from} where management_cluster = ${place.managementCluster}
          and namespace = ${place.namespace} and name = ${name} and state <> 'deleted'`,
      );
      return found?.id ?? null;
    },
    async get(id, home) {
      const state = await stored(id, home);
      return state === null ? null : view(state);
    },
    /** Ids sort by the time they were made, so the order is that of the index on project and id. */
    async list({ filter, sort, limit, start }) {
      const conditions = conditionsOf(filter);
      const descending = sort === "-createdAt";
      const after =
        start.by === "number"
          ? []
          : [descending ? sql`id < ${start.after.id}` : sql`id > ${start.after.id}`];
      const [rows, total] = await Promise.all([
        rowsOf<{ body: State }>(
          db,
          sql`select body ${from} where ${allOf([...conditions, ...after])}
            order by id ${descending ? sql`desc` : sql`asc`} limit ${limit + 1} offset ${start.by === "number" ? start.skip : 0}`,
        ),
        counter.count(sql`${from} where ${allOf(conditions)}`),
      ]);
      const items = rows.slice(0, limit).map(({ body }) => body);
      const last = items.at(-1);
      const next = rows.length > limit && last !== undefined ? { id: last.id } : null;
      return { items: items.map(view), total, next };
    },
  };
}

export const createClusterReader = (db: Database, now: () => number): ClusterReader =>
  createReader(db, now, { table: "clusters", view: clusterView });

export const createVmReader = (db: Database, now: () => number): VmReader =>
  createReader(db, now, { table: "vms", view: vmView });
