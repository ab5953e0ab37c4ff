import { sql } from "kysely";
import { encodeTime } from "ulid";
import type { WorkflowType } from "#contract/run.ts";
import { type StoredColumns, type StoredRunState, storedRun } from "#engine/run-row.ts";
import type { Database } from "#platform/database.ts";
import type { ListPage, ListQuery, RunFilter, RunKey, RunSort } from "./list-query.ts";
import type { RowCounter } from "./row-count.ts";
import { type Fragment, allOf, rowsOf } from "./sql.ts";

/**
 * The list of runs, fast at any size. A page is a walk along an index that ends after a page of rows:
 *
 * - By creation, the order is that of ids, and every index ends in the id. Several types are one walk each,
 *   merged: a walk over all ids would read a million rows to find a rare type.
 * - `since` and `until` speak of the start, which no index has together with a filter. But a run's id holds
 *   the time it was made, so they bound ids as well. Runs that were queued across the lower bound for so
 *   long that their id is out of bounds are found by `runs_started_late`, an index of such runs only.
 * - By start, the order is that of the index `runs_time`.
 */

interface RunRow extends StoredColumns {
  readonly id: string;
}

/** Ids from here (inclusive) to there (exclusive). */
interface IdRange {
  readonly from?: string;
  readonly before?: string;
  /** Only runs of the index `runs_started_late`. */
  readonly startedLate?: true;
}

/** An id is made a moment before its row is written, perhaps by another machine's clock: bounds on ids stay this far off. */
const ID_SLACK_MS = 3_600_000;
/** With the slack taken off, still more than the hour after which a start counts as late. */
const QUEUED_MS = 2 * ID_SLACK_MS;
const idAt = (ms: number): string => `run_${encodeTime(Math.max(0, Math.floor(ms)), 10)}`;

const startedOrCreated = sql`coalesce(started_at, created_at)`;

/** The filter as conditions that are exact for every row. */
function conditionsOf(filter: RunFilter, types: readonly WorkflowType[] | undefined): Fragment[] {
  const all: Fragment[] = [];
  if (types !== undefined)
    all.push(types.length === 1 ? sql`type = ${types[0]}` : sql`type in (${sql.join([...types])})`);
  if (filter.status !== undefined) all.push(sql`status = ${filter.status}`);
  if (filter.resourceType !== undefined) all.push(sql`resource_type = ${filter.resourceType}`);
  if (filter.resourceId !== undefined) all.push(sql`resource_id = ${filter.resourceId}`);
  if (filter.triggeredBy !== undefined) all.push(sql`triggered_by = ${filter.triggeredBy}`);
  if (filter.project !== undefined) all.push(sql`project = ${filter.project}`);
  if (filter.retryOf !== undefined) all.push(sql`retry_of = ${filter.retryOf}`);
  if (filter.attention !== undefined)
    all.push(filter.attention ? sql`attention` : sql`not attention`);
  if (filter.since !== undefined) all.push(sql`${startedOrCreated} >= ${new Date(filter.since)}`);
  if (filter.until !== undefined) all.push(sql`${startedOrCreated} < ${new Date(filter.until)}`);
  return all;
}

/** The ranges that together hold every run of the filter, in the order of the sort. */
function idRanges({ since, until }: RunFilter, sort: RunSort): IdRange[] {
  const before = until === undefined ? {} : { before: idAt(until + ID_SLACK_MS) };
  if (since === undefined) return [before];
  const border = idAt(since - QUEUED_MS);
  const younger = { from: border, ...before };
  const older = { before: border, startedLate: true } as const;
  return sort === "-createdAt" ? [younger, older] : [older, younger];
}

interface Walk {
  readonly columns: Fragment;
  readonly filter: RunFilter;
  readonly sort: RunSort;
  readonly after: RunKey | null;
  readonly limit: number;
}

const beyond = (sort: RunSort, after: RunKey): Fragment => {
  const key = sql`(${new Date(after.at)}::timestamptz, ${after.id})`;
  switch (sort) {
    case "-createdAt":
      return sql`id < ${after.id}`;
    case "createdAt":
      return sql`id > ${after.id}`;
    case "-startedAt":
      return sql`(${startedOrCreated}, id) < ${key}`;
    case "startedAt":
      return sql`(${startedOrCreated}, id) > ${key}`;
  }
};

const orderOf = (sort: RunSort): Fragment => {
  switch (sort) {
    case "-createdAt":
      return sql`id desc`;
    case "createdAt":
      return sql`id asc`;
    case "-startedAt":
      return sql`${startedOrCreated} desc, id desc`;
    case "startedAt":
      return sql`${startedOrCreated} asc, id asc`;
  }
};

const matching = ({ filter, sort, after }: Walk): Fragment =>
  allOf([...conditionsOf(filter, filter.types), ...(after === null ? [] : [beyond(sort, after)])]);

/** A page by start along `runs_time`. */
const walkByStart = (walk: Walk, skip: number): Fragment =>
  sql`select ${walk.columns} from runs where ${matching(walk)} order by ${orderOf(walk.sort)} limit ${walk.limit} offset ${skip}`;

/**
 * A page of the few runs of one resource or one retried run: found by that first and sorted then. Left to
 * itself, the planner may walk all runs in the wanted order until it has met enough of the few.
 */
const pageOfFew = (walk: Walk, skip: number): Fragment =>
  sql`with few as materialized (select id, started_at, created_at from runs where ${matching(walk)}),
    page as (select id from few order by ${orderOf(walk.sort)} limit ${walk.limit} offset ${skip})
    select id, state, request from runs where id in (select id from page) order by ${orderOf(walk.sort)}`;

/** In the words of the index: its predicate, and bounds on its column that the filter's own imply for such runs. */
const startedLate = ({ since, until }: RunFilter): Fragment =>
  allOf([
    sql`started_at - created_at > interval '1 hour'`,
    ...(since === undefined ? [] : [sql`started_at >= ${new Date(since)}`]),
    ...(until === undefined ? [] : [sql`started_at < ${new Date(until)}`]),
  ]);

/** A page by creation within a range of ids, as one statement. */
function walkById(walk: Walk, range: IdRange): Fragment {
  const { columns, filter, sort, after, limit } = walk;
  const order = orderOf(sort);
  const bounds: Fragment[] = after === null ? [] : [beyond(sort, after)];
  if (range.from !== undefined) bounds.push(sql`id >= ${range.from}`);
  if (range.before !== undefined) bounds.push(sql`id < ${range.before}`);
  if (range.startedLate === true) bounds.push(startedLate(filter));
  const one = (types: readonly WorkflowType[] | undefined): Fragment =>
    sql`select ${columns} from runs where ${allOf([...conditionsOf(filter, types), ...bounds])} order by ${order} limit ${limit}`;

  if (filter.types === undefined || filter.types.length <= 1) return one(filter.types);
  const walks = filter.types.map((type) => sql`(${one([type])})`);
  return sql`select * from (${sql.join(walks, sql` union all `)}) as merged order by ${order} limit ${limit}`;
}

export const runKeyOf = (run: Pick<StoredRunState, "id" | "startedAt" | "createdAt">): RunKey => ({
  at: run.startedAt ?? run.createdAt,
  id: run.id,
});

export async function listRuns(
  db: Database,
  counter: RowCounter,
  query: ListQuery<RunFilter, RunKey, RunSort>,
): Promise<ListPage<StoredRunState, RunKey>> {
  const [rows, total] = await Promise.all([
    pageOf(db, query),
    counter.count(sql`from runs where ${allOf(conditionsOf(query.filter, query.filter.types))}`),
  ]);
  const items = rows.slice(0, query.limit).map(storedRun);
  const last = items.at(-1);
  return {
    items,
    total,
    next: rows.length > query.limit && last !== undefined ? runKeyOf(last) : null,
  };
}

/** The page's rows and, when there are more, one beyond it. */
async function pageOf(
  db: Database,
  { filter, sort, limit, start }: ListQuery<RunFilter, RunKey, RunSort>,
): Promise<RunRow[]> {
  const skip = start.by === "number" ? start.skip : 0;
  const walk: Walk = {
    columns: sql`id, state, request`,
    filter,
    sort,
    after: start.by === "key" ? start.after : null,
    limit: limit + 1,
  };
  const byStart = sort === "-startedAt" || sort === "startedAt";
  if (filter.retryOf !== undefined || (filter.resourceId !== undefined && byStart))
    return rowsOf<RunRow>(db, pageOfFew(walk, skip));
  if (byStart) return rowsOf<RunRow>(db, walkByStart(walk, skip));
  if (skip === 0) return collect<RunRow>(db, walk);

  // What is skipped is only ids; the states are read for the page alone.
  const toEnd: Walk = { ...walk, columns: sql`id`, limit: skip + limit + 1 };
  const [range, ...more] = idRanges(filter, sort);
  if (range !== undefined && more.length === 0) {
    return rowsOf<RunRow>(
      db,
      sql`with page as materialized (select id from (${walkById(toEnd, range)}) as walked offset ${skip})
        select id, state, request from runs where id in (select id from page) order by ${orderOf(sort)}`,
    );
  }
  const ids = await collect<{ id: string }>(db, toEnd);
  const wanted = ids.slice(skip).map((row) => row.id);
  const rows = await db.query<RunRow>("select id, state, request from runs where id = any($1)", [
    wanted,
  ]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return wanted.flatMap((id) => byId.get(id) ?? []);
}

async function collect<Row extends object>(db: Database, walk: Walk): Promise<Row[]> {
  const rows: Row[] = [];
  for (const range of idRanges(walk.filter, walk.sort)) {
    const missing = walk.limit - rows.length;
    if (missing <= 0) break;
    rows.push(...(await rowsOf<Row>(db, walkById({ ...walk, limit: missing }, range))));
  }
  return rows;
}
