import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Ids } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";
import type { Journal } from "#journal/journal.ts";
import type { Histories } from "./history.ts";
import type { WorkflowRegistry } from "./registry.ts";
import type { Resources } from "./resources.ts";

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
