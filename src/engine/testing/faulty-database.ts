import type { CommitBatch } from "#journal/commit-batch.ts";
import type { Database, Param } from "#platform/database.ts";

/** A database whose answers can get lost. Only statements are disturbed, never transactions. */

export type Disturbance =
  /** It is carried out, but the connection breaks before the answer arrives. */
  | "answer lost"
  /** The connection breaks before it is carried out. */
  | "request lost"
  | "none";

export interface FaultyDatabase {
  readonly database: Database;
  /** Decides over every commit of a journal; the count says how often this very commit was offered before. */
  onCommit: (batch: CommitBatch, offeredBefore: number) => Disturbance;
  /** Called between a commit that was carried out and the loss of its answer. */
  beforeLoss: (batch: CommitBatch) => Promise<void>;
  /** Called before any other statement; what it throws is thrown, and it may take its time. */
  onOther: (sql: string) => Promise<void> | void;
  /** SQLSTATEs of refused commits, in order. */
  readonly refused: string[];
  readonly lost: Disturbance[];
}

const brokenPipe = (): Error => Object.assign(new Error("write EPIPE"), { code: "EPIPE" });

export function faulty(database: Database): FaultyDatabase {
  const offered = new Map<string, number>();
  const disturb: FaultyDatabase = {
    onCommit: () => "none",
    beforeLoss: async () => undefined,
    onOther: () => undefined,
    refused: [],
    lost: [],
    database: {
      ...database,
      async query<Row extends object>(sql: string, params: readonly Param[] = []): Promise<Row[]> {
        if (!sql.includes("journal_commit")) {
          await disturb.onOther(sql);
          return database.query<Row>(sql, params);
        }
        const text = String(params[0]);
        const batch = JSON.parse(text) as CommitBatch;
        const before = offered.get(text) ?? 0;
        offered.set(text, before + 1);
        const what = disturb.onCommit(batch, before);
        if (what !== "none") disturb.lost.push(what);
        if (what === "request lost") throw brokenPipe();
        const rows = await database.query<Row>(sql, params).catch((error: unknown) => {
          disturb.refused.push(String((error as { code?: unknown }).code));
          throw error;
        });
        if (what === "answer lost") {
          await disturb.beforeLoss(batch);
          throw brokenPipe();
        }
        return rows;
      },
    },
  };
  return disturb;
}

/** The types of a batch's events, of one stream or of all. */
export const typesIn = (batch: CommitBatch): string[] =>
  (batch.events ?? []).map((event) => (event as { t: string }).t);
