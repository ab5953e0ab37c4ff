import type { PoolFact } from "#contract/pool.ts";
import type { FactModel, Happened } from "#domain/resource-model.ts";
import type { PoolState } from "./state.ts";

/** The pool as the engine knows it: no run works on one. */
export const poolModel: FactModel<PoolState, PoolFact> = { type: "pool", evolve };

/** A pool after a fact. Total: a fact that does not fit, or that a later version wrote, changes nothing. */
function evolve(pool: PoolState | null, fact: Happened<PoolFact>): PoolState | null {
  switch (fact.type) {
    case "pool.created": {
      const { pool: id, members: _members, ...data } = fact.data;
      return { id, ...data, createdAt: fact.at, updatedAt: fact.at };
    }
    case "pool.updated": {
      const { displayName, selector } = fact.data;
      return (
        pool && {
          ...pool,
          ...(displayName !== undefined && { displayName }),
          ...(selector !== undefined && { selector }),
          updatedAt: fact.at,
        }
      );
    }
    case "pool.deleted":
      return null;
    default:
      return pool;
  }
}
