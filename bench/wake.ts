import { Child } from "./child.ts";
import { onEachDatabase } from "./databases.ts";
import { shown } from "./figures.ts";
import { type Benchmark, databaseName, roundedAll } from "./report.ts";

/** How late waiting runs are looked at, and what a waiting run costs while nobody looks at it. */

interface Measured {
  readonly waiting: number;
  readonly overMs: number;
  readonly setUpMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly heapBytesPerRun: number;
  readonly rssBytesPerRun: number;
  readonly cpuShare: number;
}

export const wake: Benchmark = {
  name: "wake",
  summary: "lateness of waiting runs that become due, and memory per waiting run",
  async run({ quick, progress }) {
    const waiting = quick ? 500 : 10_000;
    const overMs = quick ? 3_000 : 60_000;
    const results = await onEachDatabase(async (place) => {
      progress(`${databaseName(place.kind)}: ${waiting} waiting runs`);
      const child = new Child("./wake.child.ts", {
        args: [JSON.stringify(place), String(waiting), String(overMs)],
        nodeFlags: ["--expose-gc"],
      });
      const measured = (await child.said("measured")) as unknown as Measured;
      await child.ended;
      return measured;
    });
    return {
      tables: [
        {
          title: `${waiting.toLocaleString("en-US")} waiting runs, due over ${overMs / 1_000} s`,
          columns: [
            "database",
            "late p50 ms",
            "late p99 ms",
            "latest ms",
            "heap bytes per waiting run",
            "RSS bytes per waiting run",
            "of one core",
          ],
          rows: results.map(({ kind, result }) => [
            databaseName(kind),
            shown(result.p50Ms),
            shown(result.p99Ms),
            shown(result.maxMs),
            shown(result.heapBytesPerRun),
            shown(result.rssBytesPerRun),
            shown(result.cpuShare),
          ]),
        },
      ],
      notes: [
        "Late is from the due time to the step being looked at again. The floor is zero: the due time itself.",
        "Heap is the difference of the JavaScript heap after garbage collection between all runs waiting and none; with PGlite the resident size also holds the database's own buffers and files.",
        "Aims: p99 under 100 ms; under 1 kB of heap per waiting run.",
      ],
      figures: Object.fromEntries(results.map(({ kind, result }) => [kind, roundedAll(result)])),
    };
  },
};
