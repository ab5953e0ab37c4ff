import { onDatabase } from "./databases.ts";
import type { Database } from "#platform/database.ts";
import { fleetProblems } from "./fleet-checks.ts";
import {
  besideLab,
  type FleetLab,
  manifestOf,
  type Requests,
  timedClusterKind,
  wholeAt,
} from "./fleet-lab.ts";
import { type FleetRun, runFleet } from "./fleet-plane.ts";
import { quantile, rounded, shown } from "./figures.ts";
import { type Benchmark, databaseName, type Settings, type Table } from "./report.ts";
import { closedLoop } from "./rounds.ts";

/**
 * A fleet: so many `cluster.create` runs at once in one control plane, against a lab in another process. All are accepted, all
 * run together, one in twenty is cancelled on its way, and when all have ended the lab must be as the runs say. The floor is
 * the same clusters written to another such lab without us: what its operators need.
 */

const SIZE = { whole: 1_000, quick: 20 } as const;
const SPEED = { whole: 5, quick: 60 } as const;

interface Floor {
  /** From the write of each to its being whole. */
  readonly wholeMs: readonly number[];
  readonly allMs: number;
}

async function measureFloor(lab: FleetLab, names: readonly string[]): Promise<Floor> {
  const askedAt = new Map<string, number>();
  const began = Date.now();
  await closedLoop({ callers: 8, count: names.length }, async (index) => {
    const name = names[index] ?? "";
    askedAt.set(name, Date.now());
    const options = { signal: AbortSignal.timeout(60_000) };
    await lab.client.create(timedClusterKind, manifestOf(name), options);
  });
  await lab.until((clusters) => clusters.every((cluster) => wholeAt(cluster) !== null));
  const ends = (await lab.clusters()).map((cluster) => ({
    name: cluster.metadata.name,
    at: wholeAt(cluster) ?? Number.NaN,
  }));
  const wholeMs = ends.map(({ name, at }) => at - (askedAt.get(name) ?? Number.NaN));
  return { wholeMs, allMs: Math.max(...ends.map(({ at }) => at)) - began };
}

interface Measured {
  readonly ours: FleetRun;
  readonly oursMs: readonly number[];
  readonly problems: readonly string[];
  readonly labRssMb: number;
}

async function measureOurs(
  kind: Database["kind"],
  names: readonly string[],
  { speed, progress }: { readonly speed: number; readonly progress: Settings["progress"] },
): Promise<Measured> {
  const { result, memory } = await besideLab(speed, (lab) =>
    onDatabase(kind, async (place) => {
      const ours = await runFleet(place, { lab, speed, names, progress });
      const truth = {
        clusters: await lab.clusters(),
        effects: await lab.effects(),
        objects: await lab.objects(),
      };
      return { ours, problems: fleetProblems(names, ours, truth) };
    }),
  );
  const { ours } = result;
  const oursMs = ours.runs
    .filter(({ run }) => !ours.cancelled.has(run))
    .map(({ requestedAt, endedAt }) => endedAt - requestedAt);
  return { ...result, oursMs, labRssMb: memory.peakRssMb };
}

const total = (requests: Requests): number => requests.reduce((sum, { count }) => sum + count, 0);

const kinds: readonly Database["kind"][] =
  process.env["TEST_DATABASE_URL"] === undefined ? ["pglite"] : ["pglite", "postgres"];

/** Measures, and throws when a run has not ended as it must: a figure of a fleet that is not whole says nothing. */
export async function measureFleet({
  size,
  speed,
  progress,
}: {
  readonly size: number;
  readonly speed: number;
  readonly progress: Settings["progress"];
}) {
  // The point of the last letter: no name begins with another.
  const names = Array.from({ length: size }, (_, index) => `fleet-${index}x`);
  const results: { readonly kind: Database["kind"]; readonly measured: Measured }[] = [];
  progress("the floor: raw manifests");
  const floor = await besideLab(speed, (lab) => measureFloor(lab, names));
  for (const kind of kinds) {
    progress(databaseName(kind));
    const measured = await measureOurs(kind, names, { speed, progress });
    if (measured.problems.length > 0)
      throw new Error(`the fleet is not as it must be:\n${measured.problems.join("\n")}`);
    results.push({ kind, measured });
  }
  return { floor: floor.result, results };
}

type Fleet = Awaited<ReturnType<typeof measureFleet>>;

const timesTable = ({ floor, results }: Fleet): Table => ({
  title: "From the request to the running cluster",
  columns: [
    "database",
    "202/s",
    "p50 ms",
    "p99 ms",
    "ended/s",
    "running p50 s",
    "p99 s",
    "floor p50 s",
    "floor p99 s",
    "p50 of the floor",
    "all of the floor",
  ],
  rows: results.map(({ kind, measured: { ours, oursMs } }) => [
    databaseName(kind),
    shown(ours.accepted.perSecond),
    shown(quantile(ours.accepted.latenciesMs, 0.5)),
    shown(quantile(ours.accepted.latenciesMs, 0.99)),
    shown((ours.runs.length * 1_000) / ours.wholeMs),
    shown(quantile(oursMs, 0.5) / 1_000),
    shown(quantile(oursMs, 0.99) / 1_000),
    shown(quantile(floor.wholeMs, 0.5) / 1_000),
    shown(quantile(floor.wholeMs, 0.99) / 1_000),
    shown(quantile(oursMs, 0.5) / quantile(floor.wholeMs, 0.5)),
    shown(ours.wholeMs / floor.allMs),
  ]),
});

const costTable = ({ results }: Fleet): Table => ({
  title: "What it took",
  columns: [
    "database",
    "peak RSS MB",
    "peak heap MB",
    "CPU s",
    "lab RSS MB",
    "requests per run",
    "events per run",
    "transactions per run",
  ],
  rows: results.map(({ kind, measured: { ours, labRssMb } }) => [
    databaseName(kind),
    shown(ours.memory.peakRssMb),
    shown(ours.memory.peakHeapMb),
    shown(ours.memory.cpuSeconds),
    shown(labRssMb),
    shown(total(ours.requests) / ours.runs.length),
    shown(ours.events / ours.runs.length),
    shown(ours.transactions / ours.runs.length),
  ]),
});

const requestsTable = ({ results }: Fleet): Table => {
  const perRun = results.map(
    ({ measured: { ours } }) =>
      new Map(
        ours.requests.map(({ verb, resource, count }) => [
          `${verb} ${resource || "(discovery)"}`,
          count / ours.runs.length,
        ]),
      ),
  );
  const asked = [...new Set(perRun.flatMap((each) => [...each.keys()]))];
  return {
    title: "Requests to the API server, per run",
    columns: ["request", ...results.map(({ kind }) => databaseName(kind))],
    rows: asked.map((each) => [each, ...perRun.map((counts) => shown(counts.get(each) ?? 0))]),
  };
};

export const fleet: Benchmark = {
  name: "fleet",
  summary: "clusters created at the same time on the lab: rate, memory, requests to the API server",
  async run({ quick, progress }) {
    const size = quick ? SIZE.quick : SIZE.whole;
    const speed = quick ? SPEED.quick : SPEED.whole;
    const measured = await measureFleet({ size, speed, progress });
    return {
      tables: [timesTable(measured), costTable(measured), requestsTable(measured)],
      notes: [
        `${size} clusters of one control plane and one worker, asked for by 16 callers, on a lab that runs ${speed} times as fast as life; one in 20 was cancelled on its way.`,
        "Checked: every run ended as it must, every cluster is there once and whole, nothing is left of the cancelled ones, no lock is left, nothing was done twice.",
        "The floor is the same clusters written as manifests to another lab, nobody looking on but for a list every five seconds; both times are to the whole cluster, the floor's to the second.",
      ],
      figures: Object.fromEntries(
        measured.results.map(({ kind, measured: { ours, oursMs, labRssMb } }) => [
          kind,
          {
            acceptedPerSecond: rounded(ours.accepted.perSecond),
            endedPerSecond: rounded((ours.runs.length * 1_000) / ours.wholeMs),
            runningP50Ms: rounded(quantile(oursMs, 0.5)),
            runningP99Ms: rounded(quantile(oursMs, 0.99)),
            ofFloor: rounded(quantile(oursMs, 0.5) / quantile(measured.floor.wholeMs, 0.5)),
            allOfFloor: rounded(ours.wholeMs / measured.floor.allMs),
            cancelled: ours.cancelled.size,
            peakRssMb: rounded(ours.memory.peakRssMb),
            peakHeapMb: rounded(ours.memory.peakHeapMb),
            cpuSeconds: rounded(ours.memory.cpuSeconds),
            labRssMb: rounded(labRssMb),
            requestsPerRun: rounded(total(ours.requests) / ours.runs.length),
            eventsPerRun: rounded(ours.events / ours.runs.length),
            transactionsPerRun: rounded(ours.transactions / ours.runs.length),
          },
        ]),
      ),
    };
  },
};
