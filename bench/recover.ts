import { Child, type Said } from "./child.ts";
import { type Place, onEachDatabase } from "./databases.ts";
import { median, quantile, shown } from "./figures.ts";
import { adminKey, openSilentBmc, registration, serversPath, startPlant } from "./plant.ts";
import { type Benchmark, type Settings, databaseName, roundedAll } from "./report.ts";
import { alternate } from "./rounds.ts";

/**
 * Back after `kill -9`. A control plane is killed while a step is talking to a BMC; the next process is started at
 * once, and the clock runs until that BMC is called again. The floor is a process that opens the same database, left
 * in the same state, and asks it one question.
 */

/** A step that was lost with its process more often is given up. */
const ROUNDS = 8;

interface Restart {
  readonly runningMs: number;
  readonly loadedMs: number;
  readonly openedMs: number;
  readonly readyMs: number;
  readonly stepMs: number;
}

const since = (child: Child, said: Said): number => Number(said["at"]) - child.startedAt;

async function restart(place: Place, bmc: { called(): Promise<number> }): Promise<Restart> {
  const called = bmc.called();
  const plant = startPlant(place);
  try {
    const stepMs = (await called) - plant.startedAt;
    return {
      stepMs,
      runningMs: since(plant, await plant.said("running")),
      loadedMs: since(plant, await plant.said("loaded")),
      openedMs: since(plant, await plant.said("opened")),
      readyMs: since(plant, await plant.said("ready")),
    };
  } finally {
    await plant.kill();
  }
}

async function bareOpen(place: Place): Promise<number> {
  const child = new Child("./open-database.child.ts", { args: [JSON.stringify(place)] });
  try {
    return since(child, await child.said("answered"));
  } finally {
    await child.kill();
  }
}

async function measureOn(place: Place, { quick, progress }: Settings) {
  const bmc = await openSilentBmc();
  try {
    const first = startPlant(place);
    try {
      const { url } = await first.said("ready");
      const called = bmc.called();
      const response = await fetch(`${String(url)}${serversPath}`, {
        method: "POST",
        headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
        body: registration(bmc.address),
      });
      if (response.status !== 202)
        throw new Error(
          `the registration was answered ${response.status}: ${await response.text()}`,
        );
      await called;
    } finally {
      await first.kill();
    }
    progress("killed for the first time, in the middle of a step");
    const rounds = await alternate(quick ? 2 : ROUNDS, {
      ours: () => restart(place, bmc),
      floor: () => bareOpen(place),
    });
    const of = (pick: (restarted: Restart) => number): number =>
      median(rounds.map(({ ours }) => pick(ours)));
    const all = rounds.map(({ ours }) => ours.stepMs);
    return {
      rounds: rounds.length,
      stepMs: median(all),
      slowestMs: quantile(all, 1),
      fastestMs: quantile(all, 0),
      floorMs: median(rounds.map(({ floor }) => floor)),
      ofFloor: median(rounds.map(({ ours, floor }) => ours.stepMs / floor)),
      runningMs: of(({ runningMs }) => runningMs),
      loadedMs: of(({ loadedMs }) => loadedMs),
      openedMs: of(({ openedMs }) => openedMs),
      readyMs: of(({ readyMs }) => readyMs),
    };
  } finally {
    await bmc.close();
  }
}

export const recover: Benchmark = {
  name: "recover",
  summary: "time from a restart after kill -9 to the first continued step",
  async run(settings) {
    const results = await onEachDatabase((place) => {
      settings.progress(databaseName(place.kind));
      return measureOn(place, settings);
    });
    return {
      tables: [
        {
          title: "From the restart after kill -9 to the first continued step, ms",
          columns: [
            "database",
            "of the floor",
            "first step",
            "fastest",
            "slowest",
            "floor",
            "process runs",
            "modules loaded",
            "database open",
            "API ready",
          ],
          rows: results.map(({ kind, result }) => [
            databaseName(kind),
            shown(result.ofFloor),
            shown(result.stepMs),
            shown(result.fastestMs),
            shown(result.slowestMs),
            shown(result.floorMs),
            shown(result.runningMs),
            shown(result.loadedMs),
            shown(result.openedMs),
            shown(result.readyMs),
          ]),
        },
      ],
      notes: [
        "All times are from the start of the process, medians over the rounds. Modules are loaded while the database opens in its own thread.",
        "The floor opens the same database in a process of its own and asks one question.",
        "Aim: under 1 s.",
      ],
      figures: Object.fromEntries(results.map(({ kind, result }) => [kind, roundedAll(result)])),
    };
  },
};
