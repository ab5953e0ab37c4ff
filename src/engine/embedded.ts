import { type CoreOptions, createCore, listenForCancels } from "./core.ts";
import { Dispatcher } from "./dispatcher.ts";
import { engineDoors } from "./doors.ts";
import type { RunningEngine } from "./running-engine.ts";
import { runSlice } from "./slice.ts";

/** The embedded engine: the doors' verbs, and a dispatcher that runs slices in this process. */

export interface EmbeddedEngineOptions extends CoreOptions {
  readonly ports: object;
  readonly owner: string;
  readonly concurrency: number;
  readonly leaseMs: number;
}

export type EmbeddedEngine = RunningEngine;

export function createEmbeddedEngine(options: EmbeddedEngineOptions): EmbeddedEngine {
  const { database, journal, ports } = options;
  const stops: (() => void | Promise<void>)[] = [];
  const core = createCore(options, {
    expect: (dueAt) => dispatcher.expect(dueAt),
    cancelStep: (run) => dispatcher.cancelStep(run),
  });
  const dispatcher = new Dispatcher(core, {
    ...options,
    carry: (lease, slice) => runSlice({ core, lease, ports, ...slice }),
  });

  return {
    ...engineDoors(core),
    get status() {
      return dispatcher.status;
    },
    trouble: null,
    async run(deadOwners) {
      stops.push(await listenForCancels(database, (run) => dispatcher.cancelStep(run)));
      // What we commit ourselves, we know of; others may have made something due.
      stops.push(
        journal.onCommit((byOthers) => {
          if (byOthers) dispatcher.glance();
        }),
      );
      await dispatcher.start(deadOwners);
    },
    async stop(patienceMs) {
      await dispatcher.stop(patienceMs);
      for (const stop of stops) await stop();
    },
  };
}
