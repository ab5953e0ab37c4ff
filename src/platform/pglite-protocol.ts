import type { Param } from "./database.ts";

/** What the main thread says to the database's worker thread, which answers with a `DatabaseReply`. */

export interface PgliteWorkerData {
  /** The directory of the database; null keeps it in memory (tests). */
  readonly dataDir: string | null;
  /** A file with the directory of a database in memory to begin with; null makes a new one, which takes seconds. */
  readonly initial: string | null;
}

export type PgliteRequest = { readonly id: number } & (
  | { readonly do: "query"; readonly sql: string; readonly params: readonly Param[] }
  | { readonly do: "script"; readonly sql: string }
  | { readonly do: "listen"; readonly channel: string }
  | { readonly do: "close" }
);
