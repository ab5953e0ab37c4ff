import { Failure } from "#contract/failures.ts";
import type { PoolId, ServerId } from "#contract/ids.ts";
import type { PoolFact, PoolSelector } from "#contract/pool.ts";
import type { ServerFact } from "#contract/server.ts";
import type { ServerState } from "#domain/server/state.ts";
import { updated as serverUpdated } from "#domain/server/update.ts";
import type { PoolState } from "./state.ts";

/** What may become of a pool, and of the servers on its list. */

const noPool = (id: PoolId): Failure =>
  new Failure("NOT_FOUND", `there is no pool ${id}`, { details: { poolId: id } });

type Created = Extract<PoolFact, { type: "pool.created" }>["data"];

export const created = (data: Readonly<Created>): readonly PoolFact[] => [
  { type: "pool.created", data },
];

export interface PoolChange {
  readonly displayName?: string | null | undefined;
  readonly selector?: PoolSelector | undefined;
  /** Who comes onto the list and who leaves it. */
  readonly added?: readonly ServerId[] | undefined;
  readonly removed?: readonly ServerId[] | undefined;
}

/** A pool keeps its kind: who draws from a list must not find servers in it that nobody put there. */
export function updated(
  pool: PoolState | null,
  id: PoolId,
  { displayName, selector, added, removed }: PoolChange,
): readonly PoolFact[] | Failure {
  if (pool === null) return noPool(id);
  const isList = pool.selector === null;
  if (isList && selector !== undefined)
    return wrongKind(
      "selector",
      `cannot be given: pool ${pool.name} is a list, change its members`,
    );
  if (!isList && (added !== undefined || removed !== undefined))
    return wrongKind(
      "members",
      `cannot be given: pool ${pool.name} finds its servers by their tags, change its selector`,
    );
  return [
    {
      type: "pool.updated",
      data: {
        ...(displayName !== undefined && { displayName }),
        ...(selector !== undefined && { selector }),
        ...(added !== undefined && { added: [...added] }),
        ...(removed !== undefined && { removed: [...removed] }),
      },
    },
  ];
}

const wrongKind = (field: string, message: string): Failure =>
  new Failure("VALIDATION_ERROR", `${field} ${message}`, {
    details: { fields: { [field]: message } },
  });

export function deleted(
  pool: PoolState | null,
  id: PoolId,
  clusters: readonly { readonly cluster: string; readonly servers: number }[],
): readonly PoolFact[] | Failure {
  if (pool === null) return noPool(id);
  if (clusters.length === 0) return [{ type: "pool.deleted", data: {} }];
  const who = clusters.map(({ cluster, servers }) => `${cluster} (${servers})`).join(", ");
  return new Failure(
    "CONFLICT",
    `pool ${pool.name} cannot be deleted while clusters have servers of it: ${who}`,
    { details: { poolId: id, clusters } },
  );
}

/** The pool, if servers may be put onto its list. */
export function listed(pool: PoolState | null, name: string): PoolState | Failure {
  if (pool === null) return wrongKind("pool", `must name a pool: there is no pool ${name}`);
  return pool.selector === null
    ? pool
    : wrongKind(
        "pool",
        `must name a pool with a list: ${name} finds its servers by their tags, give the server those`,
      );
}

/** The server as it comes onto the list of a pool; refused where it is not one of the pool's project. */
export function enlisted(
  server: ServerState | null,
  id: ServerId,
  pool: Pick<PoolState, "name" | "region" | "project">,
): readonly ServerFact[] | Failure {
  const isHere = server?.region === pool.region && server.project === pool.project;
  if (!isHere) return wrongKind("members", `must be servers of the project: there is no ${id}`);
  return moved(server, id, pool.name);
}

/** The server as it leaves the list of a pool, if it is still on it. */
export const struck = (
  server: ServerState | null,
  id: ServerId,
  pool: Pick<PoolState, "name">,
): readonly ServerFact[] | Failure => (server?.pool === pool.name ? moved(server, id, null) : []);

function moved(
  server: ServerState,
  id: ServerId,
  pool: string | null,
): readonly ServerFact[] | Failure {
  return server.pool === pool && server.rest.state !== "decommissioned"
    ? []
    : serverUpdated(server, id, { pool });
}
