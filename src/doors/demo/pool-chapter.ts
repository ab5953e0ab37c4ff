import type { Pool, PoolCounts } from "#contract/pool.ts";
import { registration } from "./registration.ts";
import { done, type Stage } from "./stage.ts";

/** A pool of servers that Metal3 manages, from which the cluster is built. */

/** Three for the control plane, two for workers at last, and one to spare for each of these groups while it is upgraded. */
const SIZE = 7;

/** How many register at a time: each is a run that waits for another, its inspection, and both want a worker. */
const AT_A_TIME = 2;

/** A server as it was registered. */
export interface Registered {
  readonly id: string;
  readonly name: string;
  readonly tookMs: number;
}

export interface DemoPool {
  readonly name: string;
  /** Where it is read. */
  readonly path: string;
  /** Names of its servers by their ids. */
  readonly servers: ReadonlyMap<string, string>;
}

/** Registers them without a line: it is meant to go on while something else plays. */
export async function registerHosts(stage: Stage): Promise<Registered[]> {
  const waiting = stage.described.bmcs.slice(1, 1 + SIZE);
  const registered: Registered[] = [];
  const lane = async (): Promise<void> => {
    for (let bmc = waiting.shift(); bmc !== undefined; bmc = waiting.shift()) {
      const body = { ...registration(bmc), provisioner: "metal3" };
      const servers = `${stage.base}/infrastructure/servers`;
      const answer = await stage.api.request("POST", servers, body);
      const run = await stage.ended(`Register ${bmc.name} under Metal3`, answer, done);
      if (run?.status === "completed")
        registered.push({ id: run.resourceId, name: bmc.name, tookMs: run.durationMs ?? 0 });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return registered;
}

/** Makes a pool of them. Null: there is none. */
export async function gatherPool(
  stage: Stage,
  hosts: readonly Registered[],
): Promise<DemoPool | null> {
  stage.chapter("A pool");
  stage.say("Registered under Metal3 meanwhile, and inspected:");
  for (const { name, tookMs } of hosts)
    stage.say(`  ${name.padEnd(16)} ${(tookMs / 1_000).toFixed(1)} s`);
  const servers = new Map(hosts.map(({ id, name: host }) => [id, host]));
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

/** All servers of the demo can be drawn when they are free. */
type Told = Omit<PoolCounts, "drawable">;

/** Tells how a pool stands, and holds it against what it should be. */
export async function showPool(stage: Stage, pool: DemoPool, promised: Told): Promise<void> {
  const { counts } = (await stage.api.request("GET", pool.path)).data as Pool;
  const text = textOf(counts);
  stage.say(`pool ${pool.name}: ${text}`);
  const wanted = textOf(promised);
  stage.expect(text === wanted, `pool ${pool.name} should have ${wanted}; it has ${text}`);
}

const textOf = ({ total, free, reserved, used }: Told): string =>
  `${total} servers, ${free} free, ${reserved} reserved, ${used} used`;
