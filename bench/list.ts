import { workflows } from "#workflows/registry.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { type RunReader, createRunReader } from "#projections/run-reader.ts";
import { onEachDatabase, openMigrated } from "./databases.ts";
import { quantile, rounded, shown } from "./figures.ts";
import { type NamedQuery, namedQueries } from "./list-queries.ts";
import { makeRuns } from "./million-runs.ts";
import { type Benchmark, type Settings, databaseName } from "./report.ts";

/**
 * The list of runs at a million of them, with its total, as the API asks for it. Twice: with totals that are never
 * remembered, which is the first look of half a minute, and with them as they are.
 */

const QUICK_RUNS = 50_000;
const FULL_RUNS = 1_000_000;

interface Measured {
  readonly name: string;
  readonly firstP50Ms: number;
  readonly firstP99Ms: number;
  readonly againP50Ms: number;
  readonly againP99Ms: number;
  readonly floorP50Ms: number;
  readonly total: string;
}

const readerOf = (db: Database, now: () => number): RunReader =>
  createRunReader({
    db,
    onCommit: () => () => undefined,
    now,
    engine: "embedded",
    knows: (type) => workflows.some((workflow) => workflow.type === type),
  });

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

async function measure(
  { forgetful, remembering, db }: { forgetful: RunReader; remembering: RunReader; db: Database },
  { name, query }: NamedQuery,
  times: number,
): Promise<Measured> {
  const firstMs: number[] = [];
  const againMs: number[] = [];
  const floorMs: number[] = [];
  const { items, total } = await remembering.list(query);
  const ids = items.map(({ id }) => id);
  for (let round = 0; round < times; round += 1) {
    firstMs.push(await timed(() => forgetful.list(query)));
    againMs.push(await timed(() => remembering.list(query)));
    // The floor: the same page when one knows the ids already, without a total.
    floorMs.push(
      await timed(() => db.query("select id, state, request from runs where id = any($1)", [ids])),
    );
  }
  return {
    name,
    firstP50Ms: quantile(firstMs, 0.5),
    firstP99Ms: quantile(firstMs, 0.99),
    againP50Ms: quantile(againMs, 0.5),
    againP99Ms: quantile(againMs, 0.99),
    floorP50Ms: quantile(floorMs, 0.5),
    total: `${total.isEstimate ? "~" : ""}${shown(total.count)}`,
  };
}

async function measureOn(db: Database, { quick, progress }: Settings): Promise<Measured[]> {
  const made = await makeRuns(db, quick ? QUICK_RUNS : FULL_RUNS, progress);
  // A clock that leaps an hour with every look: no total is ever remembered.
  let leaps = 0;
  const forgetful = readerOf(db, () => {
    leaps += 1;
    return systemClock.now() + leaps * 3_600_000;
  });
  const remembering = readerOf(db, systemClock.now);
  const measured: Measured[] = [];
  for (const named of namedQueries(made))
    measured.push(await measure({ forgetful, remembering, db }, named, quick ? 20 : 200));
  return measured;
}

export const list: Benchmark = {
  name: "list",
  summary: "the list of runs with each filter, at a million runs",
  async run(settings) {
    const results = await onEachDatabase(async (place) => {
      settings.progress(databaseName(place.kind));
      const db = await openMigrated(place);
      try {
        return await measureOn(db, settings);
      } finally {
        await db.close();
      }
    });
    const count = shown(settings.quick ? QUICK_RUNS : FULL_RUNS);
    return {
      tables: results.map(({ kind, result }) => ({
        title: `A page of 20 of ${count} runs, with its total: ${databaseName(kind)}, ms`,
        columns: [
          "filter",
          "first p50",
          "first p99",
          "again p50",
          "again p99",
          "floor p50",
          "total",
        ],
        rows: result.map((each) => [
          each.name,
          shown(each.firstP50Ms),
          shown(each.firstP99Ms),
          shown(each.againP50Ms),
          shown(each.againP99Ms),
          shown(each.floorP50Ms),
          each.total,
        ]),
      })),
      notes: [
        "First: the total is counted, exactly up to 10,000 and estimated beyond. Again: as asked a second time within half a minute, when totals beyond 10,000 are remembered.",
        "The floor reads the same rows by their ids, without a total.",
        "Aim: p99 under 20 ms.",
      ],
      figures: Object.fromEntries(
        results.map(({ kind, result }) => [
          kind,
          Object.fromEntries(
            result.map(({ name, firstP50Ms, firstP99Ms, againP50Ms, againP99Ms }) => [
              name,
              [firstP50Ms, firstP99Ms, againP50Ms, againP99Ms].map(rounded),
            ]),
          ),
        ]),
      ),
    };
  },
};
