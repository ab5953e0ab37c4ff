import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Child } from "./child.ts";
import { type Place, openPlace } from "./databases.ts";
import { clusterClass, type FleetLab, type Requests, version } from "./fleet-lab.ts";
import { HttpLine } from "./http-line.ts";
import type { Memory } from "./memory.ts";
import { adminKey, startPlant } from "./plant.ts";
import { closedLoop, type Loop } from "./rounds.ts";

/** A fleet that is asked of a control plane: all at once, over HTTP, and a few of them called back. */

const clustersPath = "/v1/regions/local/projects/default/compute/clusters";
const runsPath = "/v1/workflows/runs";
const CALLERS = 16;
/** One of so many is cancelled. */
const CANCELLED_OF = 20;
/** In life, from the last acceptance on: within it every step up to the last is met. */
const CANCELS_OVER_MS = 300_000;

const Page = z.object({
  data: z.array(z.object({ id: z.string() })),
  meta: z.object({ pagination: z.object({ total: z.number() }) }),
});

export interface EndedRun {
  readonly run: string;
  readonly name: string;
  readonly status: string;
  /** ms since 1970. */
  readonly requestedAt: number;
  readonly endedAt: number;
}

export interface FleetRun {
  readonly accepted: Loop;
  /** From the first request to the last end. */
  readonly wholeMs: number;
  readonly runs: readonly EndedRun[];
  /** The runs whose cancellation was accepted. */
  readonly cancelled: ReadonlySet<string>;
  /** What the control plane alone asked of the API server. */
  readonly requests: Requests;
  readonly memory: Memory;
  /** Of the database, for whatever reason. */
  readonly transactions: number;
  readonly events: number;
  /** Rows that only open runs have: locks and places in the schedule. */
  readonly leftOpen: number;
}

const bodyOf = (name: string): string =>
  JSON.stringify({
    name,
    kubernetesVersion: version,
    class: clusterClass,
    controlPlane: { replicas: 1 },
    nodePools: [{ name: "workers", nodeCount: 1 }],
  });

/** All of them, by callers that keep their connections. */
async function accept(url: string, names: readonly string[]): Promise<Loop> {
  const request = { method: "POST", path: clustersPath, key: adminKey };
  const callers = Math.min(CALLERS, names.length);
  const free = await Promise.all(
    Array.from({ length: callers }, () => HttpLine.open(url, request)),
  );
  const lines = [...free];
  try {
    return await closedLoop({ callers, count: names.length }, async (index) => {
      const line = free.pop();
      if (line === undefined) throw new Error("more callers than connections");
      const status = await line.send(bodyOf(names[index] ?? ""));
      if (status !== 202) throw new Error(`a cluster was answered ${status}`);
      free.push(line);
    });
  } finally {
    for (const line of lines) line.close();
  }
}

const headers = { authorization: `Bearer ${adminKey}` };

async function page(url: string, query: string): Promise<z.infer<typeof Page>> {
  const response = await fetch(`${url}${runsPath}?type=cluster.create&${query}`, { headers });
  return Page.parse(await response.json());
}

/** Cancels the oldest runs one after the other, each further on; those that have ended first stay as they are. */
async function cancelSome(url: string, count: number, overMs: number): Promise<Set<string>> {
  const cancelled = new Set<string>();
  const { data } = await page(url, `sort=createdAt&limit=${count}`);
  for (const { id } of data) {
    await sleep(overMs / count);
    const { status } = await fetch(`${url}${runsPath}/${id}/cancel`, { method: "POST", headers });
    if (status < 300) cancelled.add(id);
    else if (status !== 409) throw new Error(`a cancellation was answered ${status}`);
  }
  return cancelled;
}

async function untilAllEnded(url: string, progress: (text: string) => void): Promise<void> {
  for (let looks = 0; ; looks += 1) {
    const pages = await Promise.all(
      ["pending", "running"].map((status) => page(url, `status=${status}&limit=1`)),
    );
    const open = pages.reduce((sum, { meta }) => sum + meta.pagination.total, 0);
    if (open === 0) return;
    if (looks % 20 === 19) progress(`${open} runs are open`);
    await sleep(500);
  }
}

interface RunRow {
  readonly run: string;
  readonly name: string;
  readonly status: string;
  readonly requested: Date;
  readonly ended: Date;
}

async function readBack(place: Place): Promise<Pick<FleetRun, "runs" | "events" | "leftOpen">> {
  const database = await openPlace(place);
  const count = async (from: string): Promise<number> =>
    (await database.query<{ n: number }>(`select count(*)::int as n from ${from}`))[0]?.n ?? 0;
  try {
    const rows = await database.query<RunRow>(
      // The record of a cluster that was taken back is gone, its facts are not.
      `select r.id as run, e.data->'spec'->>'name' as name, r.status, r.created_at as requested, r.completed_at as ended
        from runs r join events e on e.stream = r.resource_id and e.type = 'cluster.requested'
        where r.type = 'cluster.create'`,
    );
    return {
      runs: rows.map(({ requested, ended, ...row }) => ({
        ...row,
        requestedAt: requested.getTime(),
        endedAt: ended.getTime(),
      })),
      events: await count("events"),
      leftOpen: (await count("locks")) + (await count("dispatch")),
    };
  } finally {
    await database.close();
  }
}

/** Asks for the clusters, waits until every run has ended, and ends the control plane. */
export async function runFleet(
  place: Place,
  {
    lab,
    speed,
    names,
    progress,
  }: {
    readonly lab: FleetLab;
    readonly speed: number;
    readonly names: readonly string[];
    readonly progress: (text: string) => void;
  },
): Promise<FleetRun> {
  const kubeconfig = join(place.dir, "kubeconfig");
  await writeFile(kubeconfig, lab.kubeconfig, { mode: 0o600 });
  const plane: Child = startPlant(place, {
    MILLWRIGHT_KUBECONFIG: kubeconfig,
    MILLWRIGHT_PACE: String(speed),
  });
  try {
    const url = String((await plane.said("ready"))["url"]);
    const began = performance.now();
    const accepted = await accept(url, names);
    progress(`${names.length} accepted in ${Math.round(performance.now() - began)} ms`);
    const [cancelled] = await Promise.all([
      cancelSome(url, Math.ceil(names.length / CANCELLED_OF), CANCELS_OVER_MS / speed),
      untilAllEnded(url, progress),
    ]);
    const wholeMs = performance.now() - began;
    const requests = await lab.requests();
    await plane.stop();
    const { transactions, ...memory } = (await plane.said("stopping")) as unknown as Memory & {
      readonly transactions: number;
    };
    const found = await readBack(place);
    return { accepted, wholeMs, cancelled, requests, memory, transactions, ...found };
  } finally {
    await plane.kill();
  }
}
