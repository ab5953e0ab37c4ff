import type { Run } from "#contract/run.ts";
import { type StoredColumns, storedRun } from "#engine/run-row.ts";
import type { RunState } from "#engine/run-state.ts";
import type { Database } from "#platform/database.ts";
import type { ListPage, ListQuery, RunFilter, RunKey, RunSort } from "./list-query.ts";
import { RowCounter } from "./row-count.ts";
import { listRuns } from "./run-list.ts";
import { type RunViewContext, isSettled, runView } from "./run-view.ts";
import { type RunHead, RunWatch } from "./run-watch.ts";

export interface ReadRun {
  readonly run: Run;
  readonly head: RunHead;
}

/** Everything that is read about runs. Nothing here takes a lock or writes. */
export interface RunReader {
  list(query: ListQuery<RunFilter, RunKey, RunSort>): Promise<ListPage<Run, RunKey>>;
  get(id: string): Promise<ReadRun | null>;
  /** A run that the engine has just answered with, as `get` would show it, without asking the database. */
  view(state: RunState): Run;
  head(id: string): Promise<RunHead | null>;
  /** See `RunWatch.wait`. */
  wait: RunWatch["wait"];
}

export interface RunReaderOptions {
  readonly db: Database;
  readonly onCommit: (listener: () => void) => () => void;
  readonly now: () => number;
  readonly engine: RunViewContext["engine"];
  readonly knows: RunViewContext["knows"];
  /** Asked at every read; by default nothing is ever wrong. */
  readonly trouble?: () => RunViewContext["trouble"];
  readonly engineRunUrl?: RunViewContext["engineRunUrl"];
}

export function createRunReader(options: RunReaderOptions): RunReader {
  const { db, onCommit, now, engine, knows } = options;
  const engineRunUrl = options.engineRunUrl ?? (() => null);
  const counter = new RowCounter(db, now);
  const watch = new RunWatch(db, onCommit);
  const context = (): RunViewContext => ({
    now: now(),
    engine,
    knows,
    trouble: options.trouble?.() ?? null,
    engineRunUrl,
  });
  return {
    async list(query) {
      const page = await listRuns(db, counter, query);
      const at = context();
      return { ...page, items: page.items.map((state) => runView(state, null, at)) };
    },
    async get(id) {
      const [row] = await db.query<
        StoredColumns & { input: unknown; output: unknown; stream_version: number }
      >("select state, request, input, output, stream_version from runs where id = $1", [id]);
      if (row === undefined) return null;
      return {
        run: runView(storedRun(row), row, context()),
        head: { version: row.stream_version, settled: isSettled(row.state) },
      };
    },
    view: (state) =>
      runView(state, { input: state.requested.input, output: state.output }, context()),
    head: (id) => watch.head(id),
    wait: (run, options) => watch.wait(run, options),
  };
}
