import type { Database } from "#platform/database.ts";
import { acceptedCopies, readAcceptedRows } from "./accepted-rows.ts";
import { BareAppender } from "./bare-append.ts";
import type { Child } from "./child.ts";
import { onDatabase, onEachDatabase, openMigrated, type Place } from "./databases.ts";
import { median, quantile, shown } from "./figures.ts";
import { HttpLine } from "./http-line.ts";
import { adminKey, openSilentBmc, registration, serversPath, startPlant } from "./plant.ts";
import { type Benchmark, type Settings, databaseName, roundedAll } from "./report.ts";
import { alternate, closedLoop, type Loop } from "./rounds.ts";

/**
 * Accepting: `POST …/servers` over HTTP on loopback with keep-alive, to a control plane in a process of its own, every
 * request another machine, so that nothing conflicts. Twice:
 *
 * - held: the plane runs one slice at a time, and that one talks to a BMC that never answers, so that nothing but
 *   accepting happens. The floor appends the very rows that such a request leaves in the database.
 * - at work: the plane runs what it accepts, 16 slices at a time, each meeting a closed port.
 */

const CALLERS = [1, 16, 64] as const;

/** Each holds the one slice until the driver's connect timeout, half a minute. */
const SILENT_BMCS = 20;

let machines = 0;
/** Another machine with every call, at a port of loopback where nobody listens. */
function newRegistration(): string {
  machines += 1;
  const low = machines % 250;
  const middle = Math.floor(machines / 250) % 250;
  const high = 64 + Math.floor(machines / 62_500);
  return registration(`127.${high}.${middle}.${low + 1}:9`);
}

async function register(
  child: Child,
  { callers, count }: { callers: number; count: number },
): Promise<Loop> {
  const { url } = await child.said("ready");
  const request = { method: "POST", path: serversPath, key: adminKey };
  const lines = await Promise.all(
    Array.from({ length: callers }, () => HttpLine.open(String(url), request)),
  );
  const free = [...lines];
  const bodies = Array.from({ length: count }, newRegistration);
  try {
    return await closedLoop({ callers, count }, async (index) => {
      const line = free.pop();
      if (line === undefined) throw new Error("more callers than connections");
      const status = await line.send(bodies[index] ?? "");
      if (status !== 202) throw new Error(`a registration was answered ${status}`);
      free.push(line);
    });
  } finally {
    for (const line of lines) line.close();
  }
}

const countFor = (callers: number, quick: boolean): number =>
  Math.ceil((callers === 1 ? 200 : callers * 40) / (quick ? 8 : 1));

interface Measured {
  readonly callers: number;
  readonly ofFloor: number;
  readonly perSecond: number;
  readonly floorPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly floorP50Ms: number;
}

/** A control plane whose only slice is busy for as long as this lasts. */
async function whileHeld<Result>(
  place: Place,
  work: (child: Child) => Promise<Result>,
): Promise<Result> {
  const bmcs = await Promise.all(Array.from({ length: SILENT_BMCS }, openSilentBmc));
  const child = startPlant(place, { MILLWRIGHT_CONCURRENCY: "1" });
  try {
    const { url } = await child.said("ready");
    const called = bmcs[0]?.called();
    for (const { address } of bmcs) {
      const line = await HttpLine.open(String(url), {
        method: "POST",
        path: serversPath,
        key: adminKey,
      });
      await line.send(registration(address));
      line.close();
    }
    await called;
    return await work(child);
  } finally {
    await child.kill();
    await Promise.all(bmcs.map((bmc) => bmc.close()));
  }
}

async function measureHeld(place: Place, floorDatabase: Database, settings: Settings) {
  const { quick, progress } = settings;
  // The silent machines of this first plane are the only ones that it has; the last is not begun when it is killed.
  await whileHeld(place, async () => undefined);
  const rows = await readAcceptedRows(place);
  const appender = await BareAppender.on(floorDatabase);
  return whileHeld(place, async (child) => {
    const measured: Measured[] = [];
    for (const callers of CALLERS) {
      const count = countFor(callers, quick);
      progress(`held, ${callers} callers`);
      await register(child, { callers, count: Math.ceil(count / 2) });
      const rounds = await alternate(quick ? 1 : 5, {
        ours: () => register(child, { callers, count }),
        floor: () => {
          const copies = acceptedCopies(rows, count);
          return closedLoop({ callers, count }, (index) => appender.append(copies[index] ?? {}));
        },
      });
      const all = rounds.flatMap(({ ours }) => ours.latenciesMs);
      measured.push({
        callers,
        ofFloor: median(rounds.map(({ ours, floor }) => ours.perSecond / floor.perSecond)),
        perSecond: median(rounds.map(({ ours }) => ours.perSecond)),
        floorPerSecond: median(rounds.map(({ floor }) => floor.perSecond)),
        p50Ms: quantile(all, 0.5),
        p99Ms: quantile(all, 0.99),
        floorP50Ms: median(rounds.flatMap(({ floor }) => floor.latenciesMs)),
      });
    }
    return measured;
  });
}

async function measureAtWork(place: Place, { quick, progress }: Settings) {
  const child = startPlant(place);
  try {
    const measured = [];
    for (const callers of CALLERS) {
      const count = countFor(callers, quick);
      progress(`at work, ${callers} callers`);
      await register(child, { callers, count: Math.ceil(count / 2) });
      const loops: Loop[] = [];
      for (let round = 0; round < (quick ? 1 : 3); round += 1)
        loops.push(await register(child, { callers, count }));
      const all = loops.flatMap(({ latenciesMs }) => latenciesMs);
      measured.push({
        callers,
        perSecond: median(loops.map(({ perSecond }) => perSecond)),
        p50Ms: quantile(all, 0.5),
        p99Ms: quantile(all, 0.99),
      });
    }
    return measured;
  } finally {
    await child.kill();
  }
}

export const accept: Benchmark = {
  name: "accept",
  summary: "requests accepted per second over HTTP, and how long each waits for its 202",
  async run(settings) {
    const results = await onEachDatabase(async (place) => {
      settings.progress(databaseName(place.kind));
      const held = await onDatabase(place.kind, async (floorPlace) => {
        const floorDatabase = await openMigrated(floorPlace);
        try {
          return await measureHeld(place, floorDatabase, settings);
        } finally {
          await floorDatabase.close();
        }
      });
      const atWork = await onDatabase(place.kind, (other) => measureAtWork(other, settings));
      return { held, atWork };
    });
    return {
      tables: [
        {
          title: "Accepting over HTTP, nothing else going on",
          columns: [
            "database",
            "callers",
            "of the floor",
            "202/s",
            "floor/s",
            "p50 ms",
            "p99 ms",
            "floor p50 ms",
          ],
          rows: results.flatMap(({ kind, result }) =>
            result.held.map((each) => [
              databaseName(kind),
              String(each.callers),
              shown(each.ofFloor),
              shown(each.perSecond),
              shown(each.floorPerSecond),
              shown(each.p50Ms),
              shown(each.p99Ms),
              shown(each.floorP50Ms),
            ]),
          ),
        },
        {
          title: "Accepting over HTTP while everything accepted is run",
          columns: ["database", "callers", "202/s", "p50 ms", "p99 ms"],
          rows: results.flatMap(({ kind, result }) =>
            result.atWork.map((each) => [
              databaseName(kind),
              String(each.callers),
              shown(each.perSecond),
              shown(each.p50Ms),
              shown(each.p99Ms),
            ]),
          ),
        },
      ],
      notes: [
        "The caller shares the machine with the control plane; the floor has no HTTP, so its caller is the appender itself.",
        "Aims: p99 under 50 ms; at least 0.5 of the floor.",
      ],
      figures: Object.fromEntries(
        results.map(({ kind, result }) => [
          kind,
          { held: result.held.map(roundedAll), atWork: result.atWork.map(roundedAll) },
        ]),
      ),
    };
  },
};
