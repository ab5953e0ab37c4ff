import type { RunId } from "#contract/ids.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "#engine/embedded.ts";
import type { Workflow } from "#engine/kit.ts";
import type { Commit } from "#journal/journal.ts";
import { openJournal } from "#journal/postgres-journal.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createIds } from "#platform/ids.ts";
import { binding } from "#test/toy-engine.ts";

/** The real engine and journal with a resource as small as can be, so that what is measured is theirs. */

export interface ToyPlant {
  readonly engine: EmbeddedEngine;
  /** Starts a run on a new resource. */
  begin(): Promise<RunId>;
  /** Starts a run and resolves when its last commit has been acknowledged; the run. */
  finish(): Promise<RunId>;
  stop(): Promise<void>;
}

export interface ToyPlantOptions {
  readonly database: Database;
  readonly workflow: Workflow;
  readonly ports: object;
  /** Slices at a time. */
  readonly concurrency: number;
  readonly owner?: string;
  readonly deadOwners?: readonly string[];
  /** Sees every commit before it is written. */
  readonly onCommit?: (commit: Commit) => void;
}

export async function openToyPlant(options: ToyPlantOptions): Promise<ToyPlant> {
  const { database, workflow } = options;
  const journal = await openJournal(database);
  const ids = createIds(() => Date.now());
  const endings = new Map<string, () => void>();

  const engine = createEmbeddedEngine({
    database,
    journal: {
      ...journal,
      async commit(commit) {
        options.onCommit?.(commit);
        const result = await journal.commit(commit);
        // A run that leaves the schedule has come to its end: nothing here pauses.
        for (const { run, dueAt } of commit.dispatch ?? [])
          if (dueAt === null) endings.get(run)?.();
        return result;
      },
    },
    workflows: [workflow],
    resources: { server: binding },
    ports: options.ports,
    clock: systemClock,
    ids,
    random: Math.random,
    log: (level, event, fields) => {
      if (level === "error") process.stderr.write(`${event} ${String(fields?.["error"])}\n`);
    },
    region: "toy",
    pace: 1,
    owner: options.owner ?? "bench/0",
    concurrency: options.concurrency,
    leaseMs: 15_000,
  });
  await engine.run(options.deadOwners ?? []);

  const begin = async (): Promise<RunId> => {
    const { run } = await engine.start({
      workflow: workflow.type,
      input: { serverId: ids.server() },
      project: "toy",
      source: "atlas",
      by: { actor: "bench" },
      facts: [{ type: "lamp.made", data: {} }],
    });
    return run.id;
  };
  return {
    engine,
    begin,
    async finish() {
      const id = await begin();
      const { promise, resolve } = Promise.withResolvers<void>();
      endings.set(id, resolve);
      await promise;
      endings.delete(id);
      return id;
    },
    async stop() {
      await engine.stop(1_000);
      await journal.close();
    },
  };
}
