import { Failure } from "#contract/failures.ts";
import type { Happened, ResourceKind } from "#domain/resource-model.ts";
import type { ResourceBindings } from "#engine/resources.ts";
import { kindOf } from "#engine/registry.ts";
import { runRow } from "#engine/run-row.ts";
import type { RunState } from "#engine/run-state.ts";
import { foldRun } from "#engine/run-stream.ts";
import { prepareCommit, type CommitPart, writeParts } from "#journal/commit-batch.ts";
import type { Commit, NewEvent } from "#journal/journal.ts";
import type { Database, Query } from "#platform/database.ts";

/**
 * Rebuild: drops every read model, the schedule and the locks, and folds them again from the journal. The result is
 * what it was, or what was there was wrong. Nobody may run meanwhile; live leases are refused.
 */

export interface RebuildReport {
  readonly streams: number;
  readonly runs: number;
  readonly resources: number;
}

export interface RebuildOptions {
  readonly database: Database;
  readonly bindings: ResourceBindings;
  readonly now: number;
}

const PAGE = 2_000;
const FLUSH_EVERY = 64;

/**
 * Which kind of resource a stream is of, by the prefix of its id; runs are told apart before. Streams are read in the
 * order of their names, so pools are there before the servers that refer to them.
 */
const resourceKinds: Readonly<Record<string, ResourceKind>> = {
  pool: "pool",
  srv: "server",
  cls: "cluster",
  vm: "vm",
};

interface EventRow {
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly data: unknown;
  readonly meta: NewEvent["meta"];
  readonly occurred_at: Date;
}

/** The run must not be forgotten: it is under way, or an operator's undo is. */
const isUnderWay = (run: RunState): boolean => run.completedAt === null || run.undoing !== null;

/** A child runs under its parent's lock; one that is undone after its end, on an operator's word, has its own. */
function holdsLock(run: RunState): boolean {
  if (run.completedAt !== null && run.undoing !== null) return true;
  if (run.requested.parent !== null) return false;
  return isUnderWay(run) || (run.cleanup === "held" && run.retriedBy === null && !run.abandoned);
}

function runCommit(run: RunState, now: number): Commit {
  const { workflow, workflowVersion, resourceId } = run.requested;
  const dueAt = run.pausedAt !== null && run.cancel === null ? null : now;
  return {
    // An append of nothing to a new stream makes `prepareCommit` treat the row as new.
    appends: [{ stream: run.id, expected: 0, events: [] }],
    rows: [runRow(run)],
    ...(isUnderWay(run) &&
      dueAt !== null && {
        dispatch: [{ run: run.id, kind: kindOf(workflow, workflowVersion), dueAt, release: true }],
      }),
    ...(holdsLock(run) && {
      takeLocks: [{ resource: resourceId, run: run.id, at: run.createdAt }],
    }),
  };
}

function resourceCommit(
  bindings: ResourceBindings,
  stream: string,
  events: readonly EventRow[],
): Commit | null {
  const type = resourceKinds[stream.slice(0, stream.indexOf("_"))];
  const binding = type === undefined ? undefined : bindings[type];
  if (binding === undefined)
    throw new Failure(
      "INTERNAL_ERROR",
      `the stream ${stream} is of no kind that this version knows`,
    );
  let state: unknown = null;
  for (const { type: name, data, meta, occurred_at } of events) {
    const fact: Happened<{ type: string; data: unknown }> = {
      type: name,
      data,
      at: occurred_at.getTime(),
      run: meta.causation ?? null,
    };
    state = binding.model.evolve(state, fact);
  }
  if (state === null) return null;
  return {
    appends: [],
    rows: [
      {
        table: binding.table,
        id: stream,
        columns: {
          ...binding.toColumns(state, null),
          id: stream,
          stream_version: events.at(-1)?.version ?? 0,
        },
      },
    ],
  };
}

/** The same as `prepareCommit`, but the streams themselves stay as they are. */
const readModelPart = (commit: Commit): CommitPart => {
  const { newStreams: _streams, ...part } = prepareCommit(commit).part;
  return part;
};

export async function rebuild({ database, bindings, now }: RebuildOptions): Promise<RebuildReport> {
  return database.transaction(async (query) => {
    const live = await query<{ owner: string }>(
      "select owner from dispatch where lease_until > $1 limit 1",
      [new Date(now)],
    );
    if (live[0] !== undefined) {
      throw new Failure(
        "CONFLICT",
        `a Millwright process (${live[0].owner}) is running on this database; stop it first`,
      );
    }
    await query("truncate runs, servers, pools, clusters, vms, dispatch, locks");
    const report = { streams: 0, runs: 0, resources: 0 };
    let parts: CommitPart[] = [];
    const flush = async (): Promise<void> => {
      if (parts.length > 0) await writeParts(query, parts);
      parts = [];
    };
    for await (const events of streams(query)) {
      const stream = events[0]?.stream ?? "";
      report.streams += 1;
      const run = stream.startsWith("run_")
        ? foldRun(
            stream,
            events.map((event) => ({ ...event, at: event.occurred_at.getTime() })),
          )
        : null;
      const commit = run === null ? resourceCommit(bindings, stream, events) : runCommit(run, now);
      if (commit === null) continue;
      if (run === null) report.resources += 1;
      else report.runs += 1;
      parts.push(readModelPart(commit));
      if (parts.length >= FLUSH_EVERY) await flush();
    }
    await flush();
    return report;
  });
}

/** All streams one after the other, each with all its events. */
async function* streams(query: Query): AsyncGenerator<EventRow[]> {
  let last = { stream: "", version: 0 };
  let current: EventRow[] = [];
  for (;;) {
    const rows = await query<EventRow>(
      `select stream, version, type, data, meta, occurred_at from events
        where (stream, version) > ($1, $2) order by stream, version limit $3`,
      [last.stream, last.version, PAGE],
    );
    for (const row of rows) {
      if (row.stream !== last.stream && current.length > 0) {
        yield current;
        current = [];
      }
      current.push(row);
      last = { stream: row.stream, version: row.version };
    }
    if (rows.length < PAGE) break;
  }
  if (current.length > 0) yield current;
}
