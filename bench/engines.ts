import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createEmbeddedEngine } from "#engine/embedded.ts";
import type { CoreOptions } from "#engine/core.ts";
import type { RunningEngine } from "#engine/running-engine.ts";
import { createTriggerEngine } from "#engine/trigger/engine.ts";
import { createSdkPlatform } from "#engine/trigger/sdk-platform.ts";
import { openJournal } from "#journal/postgres-journal.ts";
import { Platform } from "#lab/trigger/platform.ts";
import { TriggerServer } from "#lab/trigger/server.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createIds } from "#platform/ids.ts";
import { toyBindings } from "#test/toy-engine.ts";
import { onDatabase, openMigrated } from "./databases.ts";
import { quantile, rounded, shown } from "./figures.ts";
import { idleWorkflow } from "./idle-workflow.ts";
import type { Benchmark } from "./report.ts";
import { closedLoop } from "./rounds.ts";

/**
 * What a hand-over costs: the same runs of one step that does nothing, on the embedded engine and on the engine
 * `trigger` with the stand-in, one after the other on one PostgreSQL. All times are the journal's own.
 */

const CALLERS = [1, 8] as const;
const WORKERS = 4;

interface Measured {
  readonly engine: string;
  readonly callers: number;
  readonly perSecond: number;
  readonly startP50Ms: number;
  readonly startP99Ms: number;
  readonly endP50Ms: number;
}

const startMs = `select extract(epoch from s.occurred_at - r.occurred_at) * 1000 as start_ms,
    extract(epoch from e.occurred_at - r.occurred_at) * 1000 as end_ms
  from events r
  join events s on s.stream = r.stream and s.type = 'step.started'
  join events e on e.stream = r.stream and e.type = 'run.completed'
  where r.type = 'run.requested' and r.stream = any($1)`;

async function measure(
  name: string,
  {
    engine,
    database,
    newServer,
  }: { engine: RunningEngine; database: Database; newServer: () => string },
  { callers, count }: { readonly callers: number; readonly count: number },
): Promise<Measured> {
  const ids: string[] = [];
  const run = async (): Promise<void> => {
    const { run: begun } = await engine.start({
      workflow: "server.inspect",
      input: { serverId: newServer() },
      project: "toy",
      source: "atlas",
      by: { actor: "bench" },
      facts: [{ type: "lamp.made", data: {} }],
    });
    ids.push(begun.id);
    for (;;) {
      const rows = await database.query(
        "select 1 as one from runs where id = $1 and phase = 'ended'",
        [begun.id],
      );
      if (rows.length > 0) return;
      await systemClock.sleep(2);
    }
  };
  // The first runs open connections and worker processes.
  await closedLoop({ callers, count: callers * 2 }, run);
  ids.length = 0;
  const { perSecond } = await closedLoop({ callers, count }, run);
  const rows = await database.query<{ start_ms: number; end_ms: number }>(startMs, [ids]);
  const starts = rows.map((row) => Number(row.start_ms));
  const ends = rows.map((row) => Number(row.end_ms));
  return {
    engine: name,
    callers,
    perSecond,
    startP50Ms: quantile(starts, 0.5),
    startP99Ms: quantile(starts, 0.99),
    endP50Ms: quantile(ends, 0.5),
  };
}

async function withStandIn<T>(
  databaseUrl: string,
  work: (at: { readonly apiUrl: string; readonly secretKey: string }) => Promise<T>,
): Promise<T> {
  const secretKey = `tr_dev_${randomBytes(12).toString("hex")}`;
  const env: Record<string, string | undefined> = {
    ...process.env,
    MILLWRIGHT_DATABASE_URL: databaseUrl,
    TRIGGER_SECRET_KEY: secretKey,
  };
  let runs = 0;
  const platform = new Platform({
    tasksFile: fileURLToPath(new URL("./slice.tasks.ts", import.meta.url)),
    env,
    concurrency: WORKERS,
    runsPerProcess: 10_000,
    stallMs: 300_000,
    now: Date.now,
    newId: () => {
      runs += 1;
      return `run_bench${String(runs).padStart(20, "0")}`;
    },
  });
  const server = new TriggerServer({ platform, secretKey, now: Date.now });
  const apiUrl = await server.listen("127.0.0.1", 0);
  env["TRIGGER_API_URL"] = apiUrl;
  try {
    return await work({ apiUrl, secretKey });
  } finally {
    await platform.close();
    await server.close();
  }
}

async function measureBoth(url: string, database: Database, quick: boolean): Promise<Measured[]> {
  const journal = await openJournal(database);
  const ids = createIds(() => Date.now());
  const core: CoreOptions = {
    database,
    journal,
    workflows: [idleWorkflow],
    resources: toyBindings,
    clock: systemClock,
    ids,
    random: Math.random,
    log: () => undefined,
    region: "toy",
    pace: 1,
  };
  const common = { ...core, owner: "bench/0", concurrency: 16, leaseMs: 15_000 };
  const during = async (name: string, engine: RunningEngine): Promise<Measured[]> => {
    await engine.run([]);
    const measured: Measured[] = [];
    try {
      for (const callers of CALLERS)
        measured.push(
          await measure(
            name,
            { engine, database, newServer: () => ids.server() },
            {
              callers,
              count: callers * (quick ? 10 : 60),
            },
          ),
        );
    } finally {
      await engine.stop(5_000);
    }
    return measured;
  };
  try {
    const embedded = createEmbeddedEngine({ ...common, ports: { effects: [] } });
    return [
      ...(await during("embedded", embedded)),
      ...(await withStandIn(url, (at) =>
        during(
          "trigger (stand-in)",
          createTriggerEngine({
            ...common,
            platform: createSdkPlatform({ ...at, maxDurationS: 600, now: Date.now }),
            queuedMs: 60_000,
            onCancel: "continue",
          }),
        ),
      )),
    ];
  } finally {
    await journal.close();
  }
}

export const engines: Benchmark = {
  name: "engines",
  summary: "what a hand-over costs: the engines embedded and trigger (stand-in), on PostgreSQL",
  async run({ quick }) {
    if (process.env["TEST_DATABASE_URL"] === undefined)
      return {
        tables: [],
        notes: ["Needs TEST_DATABASE_URL: the workers share the database."],
        figures: {},
      };
    const measured = await onDatabase("postgres", async (place) => {
      if (place.kind !== "postgres") throw new Error("the benchmark needs a PostgreSQL server");
      const database = await openMigrated(place);
      try {
        return await measureBoth(place.url, database, quick);
      } finally {
        await database.close();
      }
    });
    return {
      tables: [
        {
          title: "Runs of one slice and one step that does nothing",
          columns: [
            "engine",
            "callers",
            "slices/s",
            "to step p50 ms",
            "to step p99 ms",
            "to end p50 ms",
          ],
          rows: measured.map((each) => [
            each.engine,
            String(each.callers),
            shown(each.perSecond),
            shown(each.startP50Ms),
            shown(each.startP99Ms),
            shown(each.endP50Ms),
          ]),
        },
      ],
      notes: [
        "To step: from the request's acceptance to the intent of the first step; to end: to the run's end. Both by the journal.",
        `The stand-in has ${WORKERS} worker processes, kept between slices, on the same machine; a real platform adds its own queue.`,
      ],
      figures: Object.fromEntries(
        measured.map(({ engine, callers, perSecond, startP50Ms, startP99Ms, endP50Ms }) => [
          `${engine} ${callers}`,
          [perSecond, startP50Ms, startP99Ms, endP50Ms].map(rounded),
        ]),
      ),
    };
  },
};
