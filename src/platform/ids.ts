import { monotonicFactory } from "ulid";
import type {
  ClusterId,
  IdPrefix,
  PoolId,
  RunId,
  SecretId,
  ServerId,
  VmId,
} from "#contract/ids.ts";

/** Makes ids: `prefix_` and a ULID, strictly growing within a process. */
export interface Ids {
  make(prefix: IdPrefix): string;
  run(): RunId;
  server(): ServerId;
  cluster(): ClusterId;
  vm(): VmId;
  secret(): SecretId;
  pool(): PoolId;
}

/** Bytes drawn from the system at a time: one call for each random character costs more than the rest of an id. */
const POOL_BYTES = 1_024;

/** Numbers in [0, 1) from the system's randomness. */
function pooledRandom(): () => number {
  const pool = new Uint32Array(POOL_BYTES / Uint32Array.BYTES_PER_ELEMENT);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    const value = pool[used] ?? 0;
    used += 1;
    return value / 2 ** 32;
  };
}

export function createIds(now: () => number): Ids {
  const next = monotonicFactory(pooledRandom());
  const make = (prefix: IdPrefix): string => `${prefix}_${next(now())}`;
  return {
    make,
    run: () => make("run"),
    server: () => make("srv"),
    cluster: () => make("cls"),
    vm: () => make("vm"),
    secret: () => make("sec"),
    pool: () => make("pool"),
  };
}
