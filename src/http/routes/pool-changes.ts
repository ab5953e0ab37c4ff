import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { PoolId, ServerId } from "#contract/ids.ts";
import { CreatePoolBody, UpdatePoolBody } from "#contract/pool-requests.ts";
import { Pool, type PoolCounts } from "#contract/pool.ts";
import { created, deleted, enlisted, struck, updated } from "#domain/pool/decide.ts";
import type { PoolState } from "#domain/pool/state.ts";
import { poolView } from "#domain/pool/view.ts";
import type { ServerState } from "#domain/server/state.ts";
import type { Change } from "#engine/requests.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { single } from "#http/envelope.ts";
import { type Once, idempotencyHeaders } from "#http/once.ts";
import { type Place, PlaceParams, PoolParams, placeOf } from "#http/place.ts";
import { Plan } from "#http/plan.ts";
import { PlanQuery } from "#http/queries.ts";
import { recordChange } from "#http/record-change.ts";
import { notThere } from "#http/start-run.ts";
import type { Membership } from "#projections/pool-reader.ts";
import { poolPath, poolsPath } from "./pools.ts";

/** Making, changing and deleting pools: at once, without a run, together with what becomes of their servers. */

type Listed = Pick<PoolState, "name" | "region" | "project">;

const onServer = (
  id: ServerId,
  follow: (state: ServerState | null) => ReturnType<Change["facts"]>,
): Change => ({
  resource: { type: "server", id },
  facts: (state) => follow(state as ServerState | null),
});
const enlist = (ids: readonly ServerId[], pool: Listed): Change[] =>
  ids.map((id) => onServer(id, (server) => enlisted(server, id, pool)));
const strike = (ids: readonly ServerId[], pool: Listed): Change[] =>
  ids.map((id) => onServer(id, (server) => struck(server, id, pool)));

const onPool = (
  id: PoolId,
  follow: (state: PoolState | null) => ReturnType<Change["facts"]>,
): Change => ({
  resource: { type: "pool", id },
  facts: (state) => follow(state as PoolState | null),
});

const shown = (state: unknown, counts: PoolCounts): Pool => poolView(state as PoolState, counts);

const nameTaken = ({ id, name }: PoolState): Failure =>
  new Failure("CONFLICT", `there is a pool ${name} already: ${id}`, { details: { poolId: id } });

const createRoute = (deps: ApiDependencies, once: Once): Route =>
  route(
    {
      method: "post",
      path: poolsPath,
      tag: "Pools",
      summary: "Create a pool",
      description:
        "Takes effect at once, without a run. With `selector` its servers are those that have the tags, now and later; with `members` it is a list, and a server that was on another one leaves that.",
      access: "key",
      params: PlaceParams,
      query: PlanQuery,
      headers: idempotencyHeaders,
      body: {
        schema: CreatePoolBody,
        example: { name: "gpu-a", selector: { tags: { gpu: "a100" } } },
      },
      answers: {
        200: { description: "With `plan=true`: what would happen", schema: single(Plan) },
        201: {
          description: "The pool as it now is",
          schema: single(Pool),
          headers: { Location: "Where the pool is read" },
        },
      },
      refusals: ["NOT_FOUND", "CONFLICT", "INVALID_STATE_TRANSITION", "IDEMPOTENCY_KEY_REUSED"],
    },
    async (call) => {
      const place = placeOf(call.params, deps.region);
      const { name, displayName = null, selector = null, members = [] } = call.body;
      const id = deps.ids.pool();
      return recordChange<PoolCounts>({ deps, once }, call, {
        async changes() {
          const taken = await deps.pools.named(name, place);
          if (taken !== null) throw nameTaken(taken);
          const change = onPool(id, () =>
            created({ pool: id, ...place, name, displayName, selector, members }),
          );
          return {
            changes: [change, ...enlist(members, { name, ...place })],
            seen: await deps.pools.counts(selector === null ? { members } : { selector }, place),
          };
        },
        answer(state, counts) {
          const data = shown(state, counts);
          return { status: 201, headers: { Location: data.links.self }, data, meta: {} };
        },
      });
    },
  );

/** Who comes onto a list and who leaves it, so that it holds these. */
async function difference(
  deps: Pick<ApiDependencies, "pools">,
  pool: PoolState,
  members: readonly ServerId[],
): Promise<{ readonly added: readonly ServerId[]; readonly removed: readonly ServerId[] }> {
  const before = new Set(await deps.pools.members(pool));
  const after = new Set(members);
  return {
    added: members.filter((id) => !before.has(id)),
    removed: [...before].filter((id) => !after.has(id)),
  };
}

async function updateOf(
  deps: Pick<ApiDependencies, "pools">,
  { poolId, place, body }: { poolId: PoolId; place: Place; body: UpdatePoolBody },
): Promise<{ readonly changes: readonly Change[]; readonly seen: PoolCounts }> {
  const pool = await deps.pools.stored(poolId, place);
  if (pool === null) throw notThere("pool", poolId);
  const { displayName, selector, members } = body;
  const moved = members === undefined ? undefined : await difference(deps, pool, members);
  const membership: Membership =
    selector !== undefined ? { selector } : members !== undefined ? { members } : { pool };
  return {
    changes: [
      onPool(poolId, (state) => updated(state, poolId, { displayName, selector, ...moved })),
      ...enlist(moved?.added ?? [], pool),
      ...strike(moved?.removed ?? [], pool),
    ],
    seen: await deps.pools.counts(membership, place),
  };
}

const updateRoute = (deps: ApiDependencies, once: Once): Route =>
  route(
    {
      method: "patch",
      path: poolPath,
      tag: "Pools",
      summary: "Change a pool",
      description:
        "Takes effect at once, without a run. `members` is the whole list; a server that a cluster has can neither join nor leave one. A pool keeps its kind, list or selector.",
      access: "key",
      params: PoolParams,
      query: PlanQuery,
      headers: idempotencyHeaders,
      body: { schema: UpdatePoolBody, example: { displayName: "GPUs in hall A" } },
      answers: {
        200: { description: "The pool as it now is", schema: single(z.union([Pool, Plan])) },
      },
      refusals: ["NOT_FOUND", "CONFLICT", "INVALID_STATE_TRANSITION", "IDEMPOTENCY_KEY_REUSED"],
    },
    async (call) => {
      const place = placeOf(call.params, deps.region);
      const { poolId } = call.params;
      return recordChange({ deps, once }, call, {
        changes: () => updateOf(deps, { poolId, place, body: call.body }),
        answer: (state, counts) => ({
          status: 200,
          headers: {},
          data: shown(state, counts),
          meta: {},
        }),
      });
    },
  );

const deleteRoute = (deps: ApiDependencies, once: Once): Route =>
  route(
    {
      method: "delete",
      path: poolPath,
      tag: "Pools",
      summary: "Delete a pool",
      description:
        "Takes effect at once, without a run. Its servers stay, on no list. Refused while clusters have servers that were drawn from it.",
      access: "key",
      params: PoolParams,
      query: PlanQuery,
      headers: idempotencyHeaders,
      answers: {
        200: { description: "The pool as it was", schema: single(z.union([Pool, Plan])) },
      },
      refusals: ["NOT_FOUND", "CONFLICT", "IDEMPOTENCY_KEY_REUSED"],
    },
    async (call) => {
      const place = placeOf(call.params, deps.region);
      const { poolId } = call.params;
      return recordChange<Pool>({ deps, once }, call, {
        async changes() {
          const [pool, seen, clusters] = await Promise.all([
            deps.pools.stored(poolId, place),
            deps.pools.get(poolId, place),
            deps.pools.clusters(poolId),
          ]);
          if (pool === null || seen === null) throw notThere("pool", poolId);
          const members = pool.selector === null ? await deps.pools.members(pool) : [];
          const change = onPool(poolId, (state) => deleted(state, poolId, clusters));
          return { changes: [change, ...strike(members, pool)], seen };
        },
        answer: (_gone, data) => ({ status: 200, headers: {}, data, meta: {} }),
      });
    },
  );

export const poolChangeRoutes = (deps: ApiDependencies, once: Once): Route[] => [
  createRoute(deps, once),
  updateRoute(deps, once),
  deleteRoute(deps, once),
];
