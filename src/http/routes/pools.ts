import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { LoggedEvent } from "#contract/logged-event.ts";
import { Pool } from "#contract/pool.ts";
import { listQuery, paginationOf } from "#http/cursor.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { list, single } from "#http/envelope.ts";
import { PlaceParams, PoolParams, placeOf } from "#http/place.ts";
import { paging } from "#http/queries.ts";
import { PoolKey, poolSorts } from "#projections/pool-reader.ts";
import { eventsPage } from "./events.ts";

/** Reading pools. */

export const poolsPath = "/v1/regions/{region}/projects/{project}/infrastructure/pools";
export const poolPath = `${poolsPath}/{poolId}`;

export const noPool = (id: string): Failure =>
  new Failure("NOT_FOUND", `there is no pool ${id}`, { details: { poolId: id } });

const ListQuery = z.strictObject({ sort: z.enum(poolSorts).default("-createdAt"), ...paging });

const listRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: poolsPath,
      tag: "Pools",
      summary: "List pools",
      description:
        "Each with how its servers stand. Which they are: `GET …/servers?pool=` its name.",
      access: "key",
      params: PlaceParams,
      query: ListQuery,
      answers: { 200: { description: "A page of pools", schema: list(Pool) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query: { sort, ...paged } }) => {
      const filter = placeOf(params, deps.region);
      const found = await deps.pools.list(listQuery({ filter, sort, page: paged }, PoolKey));
      return {
        status: 200,
        data: found.items,
        meta: { pagination: paginationOf(found, paged, [filter, sort]) },
      };
    },
  );

const getRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: poolPath,
      tag: "Pools",
      summary: "Read a pool",
      access: "key",
      params: PoolParams,
      answers: { 200: { description: "The pool", schema: single(Pool) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params }) => {
      const pool = await deps.pools.get(params.poolId, placeOf(params, deps.region));
      if (pool === null) throw noPool(params.poolId);
      return { status: 200, data: pool };
    },
  );

const eventsRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: `${poolPath}/events`,
      tag: "Pools",
      summary: "Read a pool's facts",
      description: "What happened to the pool, newest first.",
      access: "key",
      params: PoolParams,
      query: z.strictObject({ limit: paging.limit, cursor: paging.cursor }),
      answers: { 200: { description: "A page of facts", schema: list(LoggedEvent) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query }) => {
      const { poolId } = params;
      const [pool, page] = await Promise.all([
        deps.pools.stored(poolId, placeOf(params, deps.region)),
        eventsPage(deps, { resource: poolId }, query),
      ]);
      if (pool === null) throw noPool(poolId);
      return page;
    },
  );

export const poolRoutes = (deps: ApiDependencies): Route[] => [
  listRoute(deps),
  getRoute(deps),
  eventsRoute(deps),
];
