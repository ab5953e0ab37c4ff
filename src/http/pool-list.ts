import { Failure } from "#contract/failures.ts";
import { listed } from "#domain/pool/decide.ts";
import type { PoolState } from "#domain/pool/state.ts";
import type { Change } from "#engine/requests.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Place } from "./place.ts";

/** A server is put onto a pool's list by the pool's name, which must be that of a pool with a list. */

type Pools = Pick<ApiDependencies, "pools">;

/** Throws VALIDATION_ERROR when there is no such list; null and undefined name none. */
export async function refuseUnlisted(
  deps: Pools,
  place: Place,
  name: string | null | undefined,
): Promise<void> {
  await onTheList(deps, place, name);
}

/** The same as part of a change: written only if the pool is still there then. */
export async function onTheList(
  { pools }: Pools,
  place: Place,
  name: string | null | undefined,
): Promise<readonly Change[]> {
  if (typeof name !== "string") return [];
  const pool = listed(await pools.named(name, place), name);
  if (pool instanceof Failure) throw pool;
  const facts = (state: unknown): readonly [] | Failure => {
    const still = listed(state as PoolState | null, name);
    return still instanceof Failure ? still : [];
  };
  return [{ resource: { type: "pool", id: pool.id }, facts }];
}
