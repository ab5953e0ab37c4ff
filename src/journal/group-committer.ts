import type { Database } from "#platform/database.ts";
import { sqlState } from "#platform/database.ts";
import { prepareCommit, type PreparedCommit, writeParts } from "./commit-batch.ts";
import type { Commit, CommitResult, Conflict } from "./journal.ts";

/**
 * Group commit. Making a commit durable costs one sync of the disk, and one sync can serve many: commits that
 * arrive while the last group is being written form the next group and share one transaction.
 *
 *   idle ──commit──▶ writing ──done, nobody waits──▶ idle
 *                       ▲ └──done, others wait──┐
 *                       └───────────────────────┘
 *
 * Two commits that touch the same stream, lock or row never share a group, so each sees the other's effect. When the
 * database refuses a group, nothing of it was written, and each member is written alone: it fails or succeeds by itself.
 * An error of the connection leaves the outcome unknown; it is passed on, and callers read before they repeat.
 */

/** Enough to amortise the sync; larger groups only make everybody wait longer. */
const MAX_GROUP = 64;

interface Waiting {
  readonly prepared: PreparedCommit;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** The database answered and rolled the statement back. A broken connection or a server going down leaves it open. */
function isRefusal(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && !state.startsWith("08") && !state.startsWith("57P");
}

/** What the SQL function's refusal means. Null: not a refusal but an error. */
function conflictOf(error: unknown): Conflict | null {
  const state = sqlState(error);
  // Two rows of one name, or a reference to a row that is gone: somebody else was first, as with a version.
  if (state === "MW001" || state === "23505" || state === "23503")
    return { kind: "version", stream: null };
  if (state === "MW002") return { kind: "lock", holder: detailOf(error) };
  if (state === "MW003") return { kind: "key" };
  if (state === "MW004") return { kind: "fence" };
  if (state === "MW005") return { kind: "name", holder: detailOf(error) };
  return null;
}

const detailOf = (error: unknown): string | null => {
  const detail = (error as { detail?: unknown }).detail;
  return typeof detail === "string" && detail !== "" ? detail : null;
};

const RETRIES_ALONE = 5;

export class GroupCommitter {
  readonly #database: Database;
  readonly #onWritten: (commits: number) => void;
  #queue: Waiting[] = [];
  #writing = false;

  constructor(database: Database, onWritten: (commits: number) => void) {
    this.#database = database;
    this.#onWritten = onWritten;
  }

  commit(commit: Commit): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ prepared: prepareCommit(commit), resolve, reject });
      // A microtask later, so that callers that woke together share the first group too.
      if (!this.#writing) {
        this.#writing = true;
        queueMicrotask(() => void this.#drain());
      }
    });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      await this.#writeGroup(group);
    }
    this.#writing = false;
  }

  #nextGroup(): Waiting[] {
    const group: Waiting[] = [];
    const later: Waiting[] = [];
    const touched = new Set<string>();
    for (const waiting of this.#queue) {
      const { touches } = waiting.prepared;
      const fits = group.length < MAX_GROUP && !touches.some((name) => touched.has(name));
      // What a postponed commit touches is closed too: commits of one stream keep their order.
      for (const name of touches) touched.add(name);
      (fits ? group : later).push(waiting);
    }
    this.#queue = later;
    return group;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#write(group.map((waiting) => waiting.prepared));
      for (const waiting of group) waiting.resolve({ ok: true });
      this.#onWritten(group.length);
    } catch (error) {
      if (group.length > 1 && isRefusal(error)) {
        for (const waiting of group) await this.#writeAlone(waiting);
      } else if (group[0] !== undefined && group.length === 1) {
        await this.#settleAlone(group[0], error, 1);
      } else {
        for (const waiting of group) waiting.reject(error);
      }
    }
  }

  async #writeAlone(waiting: Waiting, attempt = 1): Promise<void> {
    try {
      await this.#write([waiting.prepared]);
      waiting.resolve({ ok: true });
      this.#onWritten(1);
    } catch (error) {
      await this.#settleAlone(waiting, error, attempt);
    }
  }

  async #settleAlone(waiting: Waiting, error: unknown, attempt: number): Promise<void> {
    const state = sqlState(error);
    // A deadlock or a serialization failure with another process says nothing about this commit: it was rolled back.
    if ((state === "40P01" || state === "40001") && attempt < RETRIES_ALONE) {
      await this.#writeAlone(waiting, attempt + 1);
      return;
    }
    const conflict = conflictOf(error);
    if (conflict === null) waiting.reject(error);
    else waiting.resolve({ ok: false, conflict });
  }

  async #write(prepared: readonly PreparedCommit[]): Promise<void> {
    await writeParts(
      this.#database.query,
      prepared.map(({ part }) => part),
    );
  }
}
