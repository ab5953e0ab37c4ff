import { nothing } from "#engine/kit.ts";
import { createIds } from "#platform/ids.ts";
import { type CommitPart, prepareCommit } from "#journal/commit-batch.ts";
import type { Commit } from "#journal/journal.ts";
import type { Database } from "#platform/database.ts";
import { toyHead, toyWorkflow } from "#test/toy-engine.ts";
import { BareAppender, type BareRows, bareRows } from "./bare-append.ts";
import { onEachDatabase, openMigrated } from "./databases.ts";
import { median, quantile, shown } from "./figures.ts";
import { type Benchmark, type Settings, databaseName, roundedAll } from "./report.ts";
import { alternate, closedLoop } from "./rounds.ts";
import { openToyPlant, type ToyPlant } from "./toy-plant.ts";

/**
 * Durable steps. Runs of twenty steps that do nothing go through the whole engine: accepted, claimed, folded,
 * decided, intent before each effect, outcome after it, ended. The floor appends the commits of such a run one after
 * the other, as recorded from the engine, with as many runs at a time.
 */

const STEPS = 20;
const CALLERS = [1, 16, 64] as const;

/** When each run last entered a step, so that the time from step to step is known. */
export class StepClock {
  readonly #entered = new Map<string, number>();
  betweenMs: number[] = [];

  enter(run: string, isLast: boolean): void {
    const now = performance.now();
    const before = this.#entered.get(run);
    if (before !== undefined) this.betweenMs.push(now - before);
    if (isLast) this.#entered.delete(run);
    else this.#entered.set(run, now);
  }
}

export function twentySteps(clock: StepClock) {
  let builder = toyWorkflow("server.inspect", toyHead());
  for (let index = 1; index <= STEPS; index += 1) {
    builder = builder.step(`step-${index}`, {
      expected: "1s",
      undo: nothing("the step does nothing"),
      run: async ({ run }) => clock.enter(run.id, index === STEPS),
    });
  }
  return builder.result(() => null);
}

interface Recorded {
  readonly run: string;
  readonly resource: string;
  readonly parts: readonly CommitPart[];
}

const KIND = "server.inspect@1";
/** As long as the real one, and known to no engine, so nobody claims what the floor puts on the schedule. */
const FLOOR_KIND = "no-one-runs-it@1";

/** The commits of one run, to be written again under other ids. */
async function record(plant: ToyPlant, commits: Commit[]): Promise<Recorded> {
  const id = await plant.finish();
  const mine = commits.filter((commit) => commit.appends.some(({ stream }) => stream === id));
  const lock = mine.flatMap(({ takeLocks }) => takeLocks ?? [])[0];
  if (lock === undefined) throw new Error("the recorded run took no lock");
  return {
    run: id,
    resource: lock.resource,
    parts: mine.map((commit) => prepareCommit(commit).part),
  };
}

function copies({ run, resource, parts }: Recorded, count: number): BareRows[][] {
  const ids = createIds(() => Date.now());
  return Array.from({ length: count }, () => {
    const newRun = ids.run();
    const newResource = ids.server();
    const replace = (json: string): string =>
      json.replaceAll(run, newRun).replaceAll(resource, newResource).replaceAll(KIND, FLOOR_KIND);
    return parts.map((part) => bareRows(part, replace));
  });
}

interface Measured {
  readonly callers: number;
  readonly stepsPerSecond: number;
  readonly floorPerSecond: number;
  readonly ratio: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly floorP50Ms: number;
}

async function measureOn(database: Database, { quick, progress }: Settings): Promise<Measured[]> {
  const clock = new StepClock();
  const commits: Commit[] = [];
  let recording = true;
  const plant = await openToyPlant({
    database,
    workflow: twentySteps(clock),
    ports: {},
    concurrency: Math.max(...CALLERS),
    onCommit: (commit) => {
      if (recording) commits.push(commit);
    },
  });
  const recorded = await record(plant, commits);
  recording = false;
  const appender = await BareAppender.on(database);

  const ours = async (callers: number, count: number) => {
    clock.betweenMs = [];
    const loop = await closedLoop({ callers, count }, () => plant.finish());
    return { perSecond: loop.perSecond * STEPS, latenciesMs: clock.betweenMs };
  };
  const floor = async (callers: number, count: number) => {
    const runs = copies(recorded, count);
    const latenciesMs: number[] = [];
    const loop = await closedLoop({ callers, count }, async (index) => {
      for (const rows of runs[index] ?? []) {
        const from = performance.now();
        await appender.append(rows);
        latenciesMs.push(performance.now() - from);
      }
    });
    return { perSecond: loop.perSecond * STEPS, latenciesMs };
  };

  const measured: Measured[] = [];
  for (const callers of CALLERS) {
    const count = callers === 1 ? (quick ? 5 : 25) : callers * (quick ? 1 : 6);
    progress(`${callers} runs at a time`);
    await ours(callers, Math.ceil(count / 4));
    const rounds = await alternate(quick ? 1 : 5, {
      ours: () => ours(callers, count),
      floor: () => floor(callers, count),
    });
    const between = rounds.flatMap((round) => round.ours.latenciesMs);
    measured.push({
      callers,
      stepsPerSecond: median(rounds.map((round) => round.ours.perSecond)),
      floorPerSecond: median(rounds.map((round) => round.floor.perSecond)),
      ratio: median(rounds.map((round) => round.ours.perSecond / round.floor.perSecond)),
      p50Ms: quantile(between, 0.5),
      p99Ms: quantile(between, 0.99),
      floorP50Ms: median(rounds.flatMap((round) => round.floor.latenciesMs)),
    });
  }
  await plant.stop();
  return measured;
}

export const steps: Benchmark = {
  name: "steps",
  summary: "durable steps per second, and the time from one step to the next",
  async run(settings) {
    const results = await onEachDatabase(async (place) => {
      settings.progress(databaseName(place.kind));
      const database = await openMigrated(place);
      try {
        return await measureOn(database, settings);
      } finally {
        await database.close();
      }
    });
    return {
      tables: [
        {
          title: "Durable steps",
          columns: [
            "database",
            "runs at a time",
            "of the floor",
            "steps/s",
            "floor steps/s",
            "step p50 ms",
            "step p99 ms",
            "floor commit p50 ms",
          ],
          rows: results.flatMap(({ kind, result }) =>
            result.map((each) => [
              databaseName(kind),
              String(each.callers),
              shown(each.ratio),
              shown(each.stepsPerSecond),
              shown(each.floorPerSecond),
              shown(each.p50Ms),
              shown(each.p99Ms),
              shown(each.floorP50Ms),
            ]),
          ),
        },
      ],
      notes: [
        `Runs of ${STEPS} steps that do nothing; a step's time is from its entry to the next one's, that is one durable commit of outcome and intent.`,
        "Aims: at least 0.5 of the floor; p50 under 5 ms.",
      ],
      figures: Object.fromEntries(
        results.map(({ kind, result }) => [kind, result.map(roundedAll)]),
      ),
    };
  },
};
