import type { Dispatcher } from "./dispatcher.ts";
import type { Engine } from "./requests.ts";

/** An engine that a process runs: the doors' verbs, and whatever gets slices executed. */
export interface RunningEngine extends Engine {
  /** Starts working on what is due. `deadOwners`: processes that are certainly gone. */
  run(deadOwners: readonly string[]): Promise<void>;
  /** Stops taking work, lets what is under way reach its next commit for so long, then aborts it. */
  stop(patienceMs: number): Promise<void>;
  readonly status: Dispatcher["status"];
  /** Why nothing is executed at present, as far as this process knows, and since when; null when nothing is wrong. */
  readonly trouble: { readonly reason: string; readonly since: number } | null;
}
