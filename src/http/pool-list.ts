import { listed } from "#domain/pool/decide.ts";
import type { PoolState } from "#domain/pool/state.ts";
import type { Change } from "#engine/requests.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Place } from "./place.ts";

/** A server is put onto a pool's list by the pool's name, which must be that of a pool with a list. */

type Pools = Pick<ApiDependencies, "pools">;

/** Throws VALIDATION_ERROR when there is no such list; null and undefined name none. */
export async function refuseUnlisted(
  { pools }: Pools,
  place: Place,
  name: string | null | undefined,
): Promise<void> {
  if (typeof name !== "string") return;
  const refused = listed(await pools.named(name, place), name);
  if (refused !== null) throw refused;
}

/** The same as part of a change: written only if the pool is still there then. */
export async function onTheList(
  { pools }: Pools,
  place: Place,
  name: string | null | undefined,
): Promise<readonly Change[]> {
  if (typeof name !== "string") return [];
  const pool = await pools.named(name, place);
  const isOffered = (state: PoolState | null) => listed(state, name) ?? [];
  // One that is not there is refused like one that goes meanwhile.
  const resource = { type: "pool", id: pool?.id ?? "" } as const;
  return [{ resource, facts: (state) => isOffered(state as PoolState | null) }];
}
