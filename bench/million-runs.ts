import type { WorkflowType } from "#contract/run.ts";
import { runRow } from "#engine/run-row.ts";
import type { Database } from "#platform/database.ts";
import { plannedStep, runStateFixture, stepState } from "#test/run-fixture.ts";

/**
 * Very many runs, made by the database itself. They are spread over a year, so that a list by time has something to
 * skip, and unevenly over everything that one can filter by, so that each filter meets a common and a rare value:
 *
 *   type           three kinds of sync and inspection are most, deleting a cluster is one in ten thousand
 *   status         93 % completed, 4 % failed, 2 % cancelled; running and pending only among the newest
 *   resource       20,000, a few of them with very many runs
 *   triggeredBy    40 callers, the first one half of everything, the last one a handful
 *   project        10, alike uneven
 *   attention      one in a thousand        retryOf   one in a hundred
 */

export const YEAR_MS = 365 * 86_400_000;
const RESOURCES = 20_000;

/** Type, resource type, steps, and up to which share of all runs (of 10,000) it reaches. */
const shares: readonly {
  readonly type: WorkflowType;
  readonly resource: string;
  readonly steps: number;
  readonly upTo: number;
}[] = [
  { type: "sync.server-state", resource: "cluster", steps: 2, upTo: 4_000 },
  { type: "sync.cluster-state", resource: "cluster", steps: 2, upTo: 6_000 },
  { type: "server.inspect", resource: "server", steps: 4, upTo: 7_500 },
  { type: "server.lifecycle", resource: "server", steps: 5, upTo: 8_600 },
  { type: "server.provision", resource: "server", steps: 10, upTo: 9_100 },
  { type: "server.register", resource: "server", steps: 6, upTo: 9_400 },
  { type: "vm.power", resource: "vm", steps: 4, upTo: 9_700 },
  { type: "vm.create", resource: "vm", steps: 6, upTo: 9_850 },
  { type: "vm.delete", resource: "vm", steps: 5, upTo: 9_930 },
  { type: "server.decommission", resource: "server", steps: 8, upTo: 9_980 },
  { type: "cluster.scale", resource: "cluster", steps: 6, upTo: 9_990 },
  { type: "cluster.upgrade", resource: "cluster", steps: 8, upTo: 9_997 },
  { type: "cluster.create", resource: "cluster", steps: 9, upTo: 9_999 },
  { type: "cluster.delete", resource: "cluster", steps: 6, upTo: 10_000 },
];

const stepNames = [
  "validate",
  "reserve",
  "connect",
  "power",
  "boot",
  "install",
  "verify",
  "join",
  "record",
  "release",
];

/** The row of a completed run of each type, as the engine would have written it. */
function template({ type, steps }: (typeof shares)[number], at: number) {
  const names = stepNames.slice(0, steps);
  const state = runStateFixture({
    workflow: type,
    status: "completed",
    createdAt: at,
    plan: names.map((name) => plannedStep(name, 60_000)),
    steps: names.map((name, index) =>
      stepState(name, {
        status: "completed",
        attempts: 1,
        startedAt: at + index * 1_000,
        completedAt: at + index * 1_000 + 900,
        deadlineAt: at + 900_000,
      }),
    ),
  });
  return { type, row: runRow(state).columns };
}

/** How the digits of a ULID are written; sixteen hexadecimal ones serve as its random part. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const timeDigits = Array.from(
  { length: 10 },
  (_, place) => `substr('${ALPHABET}', (ms >> ${45 - 5 * place} & 31)::int + 1, 1)`,
).join(" || ");

const FUNCTIONS = `
create or replace function bench_hash(n bigint, salt text, below int) returns int language sql immutable parallel safe as $$
  select (('x' || substr(md5(n || salt), 1, 7))::bit(28)::int) % below
$$;
create or replace function bench_run_id(ms bigint, n bigint) returns text language sql immutable parallel safe as $$
  select 'run_' || ${timeDigits} || upper(substr(md5(n::text), 1, 16))
$$;
create or replace function bench_resource_id(kind text, n int) returns text language sql immutable parallel safe as $$
  select case kind when 'server' then 'srv' when 'cluster' then 'cls' else 'vm' end || '_01K0000000' || upper(substr(md5(kind || n), 1, 16))
$$;`;

/** Squares of a uniform number crowd at its low end: few values get most of the rows. */
const uneven = (salt: string, values: number): string =>
  `floor(power(bench_hash(n, '${salt}', 100000) / 100000.0, 3) * ${values})::int`;

const INSERT = `
insert into runs
select * from (
  with numbered as (
    select n, $3::bigint - ($4::bigint - n) * ($5::bigint / $4::bigint) as ms, bench_hash(n, 'type', 10000) as share
    from generate_series($1::bigint, $2::bigint) as n
  ), drawn as (
    select n, ms, t.type, t.resource, t.row,
      case when n > $4 - 200 then 'pending' when n > $4 - 2000 then 'running'
        when bench_hash(n, 'status', 100) < 4 then 'failed' when bench_hash(n, 'status', 100) < 6 then 'cancelled'
        else 'completed' end as status,
      bench_resource_id(t.resource, ${uneven("resource", RESOURCES)}) as resource_id,
      'caller-' || ${uneven("caller", 40)} as actor,
      'project-' || ${uneven("project", 10)} as project,
      case when bench_hash(n, 'retry', 100) = 0 then bench_run_id(ms - 60000, n - 1) end as retry_of,
      bench_hash(n, 'attention', 1000) = 0 as attention
    from numbered join lateral (select * from bench_types where up_to > share order by up_to limit 1) t on true
  ), filled as (
    select *, bench_run_id(ms, n) as id,
      case when status = 'pending' then null else ms + bench_hash(n, 'queue', 2000) end as started,
      case when status in ('pending', 'running') then null else ms + 60000 end as completed
    from drawn
  )
  select made.* from filled, jsonb_populate_record(null::runs, row || jsonb_build_object(
    'id', id, 'status', status, 'resource_type', resource, 'resource_id', resource_id, 'project', project,
    'triggered_by', actor, 'retry_of', retry_of, 'attention', attention,
    'created_at', to_timestamp(ms / 1000.0), 'started_at', to_timestamp(started / 1000.0),
    'completed_at', to_timestamp(completed / 1000.0),
    'state', row->'state' || jsonb_build_object('id', id, 'status', status, 'actor', actor,
      'createdAt', ms, 'startedAt', started, 'completedAt', completed))) as made
) rows`;

export interface MadeRuns {
  readonly count: number;
  /** The newest run was made then, ms since 1970. */
  readonly newestAt: number;
  /** The resource with the most runs, and one with few. */
  readonly busyServer: string;
  readonly quietServer: string;
  readonly retried: string;
}

const BATCH = 50_000;

export async function makeRuns(
  db: Database,
  count: number,
  progress: (text: string) => void,
): Promise<MadeRuns> {
  const newestAt = Date.now();
  await db.script(FUNCTIONS);
  await db.script("create table bench_types (type text, resource text, up_to int, row jsonb)");
  for (const share of shares) {
    await db.query("insert into bench_types values ($1, $2, $3, $4)", [
      share.type,
      share.resource,
      share.upTo,
      JSON.stringify(template(share, newestAt).row),
    ]);
  }
  // Indexes are made afterwards, from the schema's own words: many times faster, and as they would be.
  const indexes = await db.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes
      where tablename = 'runs' and indexname <> 'runs_pkey'`,
  );
  for (const { name } of indexes) await db.script(`drop index ${name}`);
  for (let from = 1; from <= count; from += BATCH) {
    await db.query(INSERT, [from, Math.min(count, from + BATCH - 1), newestAt, count, YEAR_MS]);
    progress(`${Math.min(count, from + BATCH - 1).toLocaleString("en-US")} runs made`);
  }
  for (const { definition } of indexes) await db.script(definition);
  await db.script("vacuum analyze runs");
  progress("indexes made");

  const [example] = await db.query<{ busy: string; quiet: string; retried: string }>(
    `select bench_resource_id('server', 0) as busy, bench_resource_id('server', ${RESOURCES / 2}) as quiet,
      (select retry_of from runs where retry_of is not null limit 1) as retried`,
  );
  if (example === undefined) throw new Error("no runs were made");
  return {
    count,
    newestAt,
    busyServer: example.busy,
    quietServer: example.quiet,
    retried: example.retried,
  };
}
