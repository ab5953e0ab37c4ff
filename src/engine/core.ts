import type { OpenJournal } from "#journal/postgres-journal.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Ids } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";
import type { Journal } from "#journal/journal.ts";
import { Histories } from "./history.ts";
import type { Workflow } from "./kit.ts";
import { WorkflowRegistry } from "./registry.ts";
import { type ResourceBindings, Resources } from "./resources.ts";

/** What every part of the engine shares. */
export interface EngineCore {
  readonly database: Database;
  readonly journal: Journal;
  readonly resources: Resources;
  readonly registry: WorkflowRegistry;
  readonly histories: Histories;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: () => number;
  readonly log: Log;
  readonly region: string;
  /** Divides every declared time. */
  readonly pace: number;
  /** Tells the dispatcher that a run wants attention at this time; it may already know. */
  expect(dueAt: number): void;
  /** Stops the step that runs for a cancelled run, in whichever process. */
  cancelStep(run: string): void;
}

/** What any engine is made of, whatever executes its slices. */
export interface CoreOptions {
  readonly database: Database;
  readonly journal: OpenJournal;
  readonly workflows: readonly Workflow[];
  readonly resources: ResourceBindings;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: () => number;
  readonly log: Log;
  readonly region: string;
  readonly pace: number;
}

/** Says on PostgreSQL which run's step must stop, so that a cancel reaches the process that runs it at once. */
const CANCELS = "millwright_cancel";

/** `here`: the same two verbs for what this process itself runs. */
export const createCore = (
  options: CoreOptions,
  here: Pick<EngineCore, "expect" | "cancelStep">,
): EngineCore => {
  const { database, clock } = options;
  return {
    database,
    journal: options.journal,
    registry: new WorkflowRegistry(options.workflows),
    resources: new Resources(database, options.resources),
    histories: new Histories(database, () => clock.now()),
    clock,
    ids: options.ids,
    random: options.random,
    log: options.log,
    region: options.region,
    pace: options.pace,
    expect: (dueAt) => here.expect(dueAt),
    cancelStep(run) {
      here.cancelStep(run);
      if (database.shared) {
        database.query("select pg_notify($1, $2)", [CANCELS, run]).catch(() => undefined);
      }
    },
  };
};

/** Hears which runs were cancelled in other processes; returns how to stop. */
export const listenForCancels = async (
  database: Database,
  cancelStep: (run: string) => void,
): Promise<() => Promise<void>> =>
  database.shared ? database.listen(CANCELS, cancelStep) : async () => undefined;
