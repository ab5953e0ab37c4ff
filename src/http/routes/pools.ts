import type { z } from "zod";
import { Pool } from "#contract/pool.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import type { Route } from "#http/endpoint.ts";
import { PoolParams } from "#http/place.ts";
import { PoolKey, poolSorts } from "#projections/pool-reader.ts";
import { eventsRoute } from "./history.ts";
import { listRoute, readRoute } from "./reading.ts";

/** Reading pools. */

export const poolsPath = "/v1/regions/{region}/projects/{project}/infrastructure/pools";
export const poolPath = `${poolsPath}/{poolId}`;

const shown = {
  type: "pool",
  noun: "pool",
  tag: "Pools",
  path: poolPath,
  params: PoolParams,
  idOf: ({ poolId }: z.output<typeof PoolParams>) => poolId,
  schema: Pool,
} as const;

const listed = {
  ...shown,
  path: poolsPath,
  description: "Each with how its servers stand. Which they are: `GET …/servers?pool=` its name.",
  filters: {},
  sorts: poolSorts,
  key: PoolKey,
} as const;

export function poolRoutes(deps: ApiDependencies): Route[] {
  const kind = { ...deps.pools, ...shown };
  return [
    listRoute(deps, { ...listed, reader: deps.pools }),
    readRoute(deps, kind),
    eventsRoute(deps, kind),
  ];
}
