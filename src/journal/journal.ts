import type { EventMeta } from "#contract/events.ts";
import type { Fence } from "#contract/fence.ts";
import type { Param } from "#platform/database.ts";

/** The journal's port: append, read, follow. All of it is PostgreSQL; see `postgres-journal.ts`. */

export interface NewEvent {
  readonly type: string;
  readonly data: unknown;
  readonly meta: EventMeta;
  /** ms since 1970. */
  readonly at: number;
}

export interface RecordedEvent extends NewEvent {
  readonly stream: string;
  /** Place in the stream, from 1. */
  readonly version: number;
  /** Place in all streams; grows, with gaps. */
  readonly position: number;
  /** The order of subscriptions: transaction, then position. */
  readonly cursor: Cursor;
  /** SHA-256 over the canonical form of stream, version, type, data, meta and time. */
  readonly digest: string;
}

export interface Cursor {
  /** Transaction id (xid8) as decimal text: it outgrows a double. */
  readonly tx: string;
  readonly position: number;
}

export interface Append {
  readonly stream: string;
  /** The stream's version before this append; 0 for a new stream. */
  readonly expected: number;
  readonly events: readonly NewEvent[];
}

/** A row of a read model, written in the same transaction. `columns` are those of the table, `id` included. */
export interface RowWrite {
  readonly table: "runs" | "servers" | "pools" | "clusters" | "vms";
  readonly id: string;
  /** Null deletes the row. */
  readonly columns: Readonly<Record<string, Param | object>> | null;
}

export interface DispatchWrite {
  readonly run: string;
  /** `<type>@<version>`: only a process that knows it claims the row. */
  readonly kind: string;
  /** When the run wants attention, ms since 1970; null takes the run off the schedule. */
  readonly dueAt: number | null;
  /** True gives the lease back. False leaves the lease as it is (a wake-up for its holder). */
  readonly release: boolean;
}

export interface Commit {
  readonly appends: readonly Append[];
  readonly rows?: readonly RowWrite[];
  readonly dispatch?: readonly DispatchWrite[];
  /** Only if this lease still holds; a stale runner gets the conflict `fence`. */
  readonly fence?: Fence;
  readonly takeLocks?: readonly {
    readonly resource: string;
    readonly run: string;
    readonly at: number;
  }[];
  /** Passes a lock from one run to another (a retry of a held run). */
  readonly moveLocks?: readonly {
    readonly resource: string;
    readonly from: string;
    readonly to: string;
  }[];
  readonly releaseLocks?: readonly { readonly resource: string; readonly run: string }[];
  readonly secrets?: readonly {
    readonly id: string;
    readonly sealed: Uint8Array;
    readonly run: string;
    readonly at: number;
  }[];
  readonly keys?: readonly {
    readonly caller: string;
    readonly key: string;
    readonly fingerprint: string;
    readonly answer: unknown;
    readonly at: number;
  }[];
  /** Passes the secrets of a retried run to the new one, without an end until that one has ended. */
  readonly moveSecrets?: readonly { readonly from: string; readonly to: string }[];
  /** Secrets that no resource owns expire at this time once their run has ended (ms since 1970). */
  readonly expireSecrets?: readonly { readonly run: string; readonly at: number }[];
  /** Ends a resource's claim to its secrets: `forget` destroys them, `release` leaves them until they expire with their run. */
  readonly disownSecrets?: readonly {
    readonly owner: string;
    readonly how: "forget" | "release";
  }[];
}

/**
 * Why a commit wrote nothing. `version`: somebody else appended; `lock`: the resource is held; `key`: the idempotency key
 * exists; `name`: another resource (`holder`) has the name.
 */
export type Conflict =
  | { readonly kind: "version"; readonly stream: string | null }
  | { readonly kind: "lock"; readonly holder: string | null }
  | { readonly kind: "name"; readonly holder: string | null }
  | { readonly kind: "key" }
  | { readonly kind: "fence" };

export type CommitResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly conflict: Conflict };

export interface EventFilter {
  readonly stream?: string;
  /** A type, or a prefix ending in `*`. */
  readonly types?: readonly string[];
  readonly actor?: string;
}

export interface Journal {
  /** All of it in one transaction, or nothing. Concurrent commits share a transaction; each still fails alone. */
  commit(commit: Commit): Promise<CommitResult>;
  /** A stream from a version on (exclusive), oldest first. */
  read(stream: string, afterVersion?: number, limit?: number): Promise<RecordedEvent[]>;
  /**
   * Committed events after the cursor in the order of subscriptions, none skipped: only those below the oldest
   * transaction still open. Oldest first, at most `limit` (default 500).
   */
  follow(after: Cursor | null, filter?: EventFilter, limit?: number): Promise<RecordedEvent[]>;
  /** Newest first, by position, for people who page backwards. */
  latest(before: number | null, filter: EventFilter, limit: number): Promise<RecordedEvent[]>;
  /**
   * Calls back soon after any commit, of this process or (on a shared database) of any other, without saying what:
   * the listener reads. Coalesced; a call may come without news. `byOthers`: not only this process has committed.
   * Returns how to stop.
   */
  onCommit(listener: (byOthers: boolean) => void): () => void;
  /** The cursor behind the newest event that is safe to have seen. */
  head(): Promise<Cursor>;
  /**
   * Whether the cursor is that of an event of this journal. One from another database, as after a restore, or from the
   * future of this one would skip events, or wait for a transaction that is far off.
   */
  knows(cursor: Cursor): Promise<boolean>;
  /** A named subscriber's checkpoint; null when it has none. */
  checkpoint(subscriber: string): Promise<Cursor | null>;
  saveCheckpoint(subscriber: string, cursor: Cursor): Promise<void>;
}
