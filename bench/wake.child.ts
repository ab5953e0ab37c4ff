import { setTimeout as sleep } from "node:timers/promises";
import { nothing, wait } from "#engine/kit.ts";
import { toyHead, toyWorkflow } from "#test/toy-engine.ts";
import { say } from "./child.ts";
import { type Place, openMigrated } from "./databases.ts";
import { quantile } from "./figures.ts";
import { closedLoop } from "./rounds.ts";
import { openToyPlant } from "./toy-plant.ts";

/**
 * One engine in a process of its own, so that its memory is its own: runs that only wait, then all of them due over
 * a time, and how late each was looked at. `node --expose-gc wake.child.ts <place> <waiting> <overMs>`.
 */

const [placeJson = "", waitingText = "", overText = ""] = process.argv.slice(2);
const place = JSON.parse(placeJson) as Place;
const waiting = Number(waitingText);
const overMs = Number(overText);
/** As many as a control plane runs unless told otherwise. */
const CONCURRENCY = 16;
/** Between the moment at which the due times are written and the first of them. */
const AHEAD_MS = 5_000;

/** When each run will be due, ms since 1970; empty until all of them wait. */
const dueAt = new Map<string, number>();
const latenessMs: number[] = [];
/** While warming up, runs wait for nothing. */
let waits = false;

const workflow = toyWorkflow("server.inspect", toyHead())
  .step("wait", {
    expected: "1h",
    within: "48h",
    undo: nothing("waiting changes nothing"),
    run: async ({ run }) => {
      const due = dueAt.get(run.id);
      if (due !== undefined) latenessMs.push(Date.now() - due);
      return waits && due === undefined
        ? wait("the bench has not said go", { for: "24h" })
        : undefined;
    },
  })
  .result(() => null);

const database = await openMigrated(place);
const plant = await openToyPlant({ database, workflow, ports: {}, concurrency: CONCURRENCY });

/** After everything that can be collected is. */
async function memory(): Promise<{ readonly heap: number; readonly rss: number }> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

// Whatever grows with use (compiled code, the database's buffers) has grown before the first measure.
await closedLoop({ callers: 16, count: Math.max(200, Math.floor(waiting / 5)) }, () =>
  plant.finish(),
);
const before = await memory();

waits = true;
const began = Date.now();
await closedLoop({ callers: 16, count: waiting }, () => plant.begin());
for (;;) {
  const [row] = await database.query<{ queued: number }>(
    "select count(*) as queued from dispatch where due_at <= now() or lease_until is not null",
  );
  if (row?.queued === 0) break;
  await sleep(100);
}
const setUpMs = Date.now() - began;
const asleep = await memory();

// The schedule is the table: what it says is when a run is due, whoever wrote it.
const scheduled = await database.query<{ run_id: string }>("select run_id from dispatch");
const firstAt = Date.now() + AHEAD_MS;
for (const [index, { run_id }] of scheduled.entries())
  dueAt.set(run_id, firstAt + Math.floor((index * overMs) / waiting));
await database.query(
  "update dispatch d set due_at = x.due from unnest($1::text[], $2::timestamptz[]) as x(run, due) where d.run_id = x.run",
  [[...dueAt.keys()], [...dueAt.values()].map((ms) => new Date(ms).toISOString())],
);
const cpu = process.cpuUsage();
while (latenessMs.length < waiting) await sleep(100);
const { user, system } = process.cpuUsage(cpu);

say("measured", {
  waiting,
  overMs,
  setUpMs,
  p50Ms: quantile(latenessMs, 0.5),
  p99Ms: quantile(latenessMs, 0.99),
  maxMs: quantile(latenessMs, 1),
  heapBytesPerRun: (asleep.heap - before.heap) / waiting,
  rssBytesPerRun: (asleep.rss - before.rss) / waiting,
  cpuShare: (user + system) / 1_000 / (overMs + AHEAD_MS),
});
await plant.stop();
await database.close();
