import type { Param } from "./database.ts";

/** What the main thread and the database's worker thread say to each other. Id 0 is nobody's request. */

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

export type PgliteReply = { readonly id: number } & (
  | { readonly rows: readonly object[] }
  | {
      readonly error: {
        readonly message: string;
        readonly code: string | null;
        readonly constraint: string | null;
        readonly detail: string | null;
      };
    }
  | { readonly channel: string; readonly payload: string }
);
