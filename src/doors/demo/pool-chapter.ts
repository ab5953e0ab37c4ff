import type { Pool, PoolCounts } from "#contract/pool.ts";
import type { Answer } from "./api-client.ts";
import { registration } from "./registration.ts";
import { done, type Stage } from "./stage.ts";

/** A pool of servers that Metal3 manages, from which the cluster is built. */

/** Three for the control plane, two for workers at last, one to spare. */
const SIZE = 6;

/** A registration that was asked for. */
export interface Asked {
  readonly name: string;
  readonly answer: Answer;
}

export interface DemoPool {
  readonly name: string;
  /** Where it is read. */
  readonly path: string;
  /** Names of its servers by their ids. */
  readonly servers: ReadonlyMap<string, string>;
}

/** Asks for them all at once; nobody waits. */
export const registerHosts = (stage: Stage): Promise<Asked[]> =>
  Promise.all(
    stage.described.bmcs.slice(1, 1 + SIZE).map(async (bmc) => ({
      name: bmc.name,
      answer: await stage.api.request("POST", `${stage.base}/infrastructure/servers`, {
        ...registration(bmc),
        provisioner: "metal3",
      }),
    })),
  );

/** Makes a pool of them once they are inspected. Null: there is none. */
export async function gatherPool(stage: Stage, hosts: readonly Asked[]): Promise<DemoPool | null> {
  stage.chapter("A pool");
  const servers = new Map<string, string>();
  for (const { name, answer } of hosts) {
    const run = await stage.ended(`Register ${name} under Metal3`, answer, done);
    if (run?.status !== "completed") continue;
    servers.set(run.resourceId, name);
    const took = ((run.durationMs ?? 0) / 1_000).toFixed(1);
    stage.say(`${name.padEnd(16)} registered under Metal3 in ${took} s, meanwhile`);
  }
  const name = "metal";
  const answer = await stage.api.request("POST", `${stage.base}/infrastructure/pools`, {
    name,
    members: [...servers.keys()],
  });
  stage.expect(answer.status === 201, `a pool should be made: ${answer.error?.message ?? ""}`);
  if (answer.status !== 201) return null;
  const { id } = answer.data as Pool;
  const pool = { name, path: `${stage.base}/infrastructure/pools/${id}`, servers };
  await showPool(stage, pool, { total: SIZE, free: SIZE, reserved: 0, used: 0 });
  return pool;
}

/** Tells how a pool stands, and holds it against what it should be. */
export async function showPool(stage: Stage, pool: DemoPool, promised: PoolCounts): Promise<void> {
  const { counts } = (await stage.api.request("GET", pool.path)).data as Pool;
  const text = textOf(counts);
  stage.say(`pool ${pool.name}: ${text}`);
  const wanted = textOf(promised);
  stage.expect(text === wanted, `pool ${pool.name} should have ${wanted}; it has ${text}`);
}

const textOf = ({ total, free, reserved, used }: PoolCounts): string =>
  `${total} servers, ${free} free, ${reserved} reserved, ${used} used`;
