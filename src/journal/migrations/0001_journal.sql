-- The journal and everything that is written in the same transaction as an append.

-- The last version of each stream. Appending moves it from the expected version to the new one; that row
-- lock is what makes two writers of one stream take turns.
create table streams (
  stream text primary key,
  version integer not null
);

-- Facts, for ever. `position` is the order of writing, `tx` the transaction that wrote: subscribers read in the
-- order (tx, position) and only below the oldest transaction still open, because commits do not happen in the
-- order of positions.
create table events (
  position bigint generated always as identity primary key,
  tx xid8 not null default pg_current_xact_id(),
  stream text not null,
  version integer not null,
  type text not null,
  data jsonb not null,
  meta jsonb not null,
  occurred_at timestamptz not null,
  digest text not null,
  unique (stream, version)
);
create index events_order on events (tx, position);
create index events_type on events (type, position);

-- Read model: one row per run. `state` is the folded run without what never changes, which is in `request` and
-- `input`, and without its outputs: it is written again with every step.
create table runs (
  id text collate "C" primary key,
  type text not null,
  version integer not null,
  status text not null,
  phase text not null,
  resource_type text not null,
  resource_id text not null,
  region text not null,
  project text not null,
  triggered_by text not null,
  retry_of text,
  parent text,
  attention boolean not null,
  created_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz,
  stream_version integer not null,
  state jsonb not null,
  request jsonb not null,
  input jsonb not null,
  output jsonb
) with (fillfactor = 80);
create index runs_type on runs (type text_pattern_ops, id desc);
create index runs_status on runs (status, id desc);
create index runs_resource on runs (resource_id, id desc);
create index runs_resource_type on runs (resource_type, id desc);
create index runs_triggered_by on runs (triggered_by, id desc);
create index runs_project on runs (project, id desc);
create index runs_time on runs (coalesce(started_at, created_at) desc, id desc);
create index runs_attention on runs (id desc) where attention;
create index runs_retry_of on runs (retry_of) where retry_of is not null;
create index runs_parent on runs (parent) where parent is not null;
create index runs_recent on runs (type, completed_at desc) where status = 'completed';

-- The only schedule there is: a row per run that is not at rest. A row is claimed by taking its lease, which
-- raises the fence; whoever holds an older fence can no longer append.
create table dispatch (
  run_id text collate "C" primary key,
  kind text not null,
  due_at timestamptz not null,
  lease_until timestamptz,
  owner text,
  fence bigint not null default 0,
  attempts integer not null default 0
) with (fillfactor = 70);
create index dispatch_due on dispatch (due_at);
create index dispatch_lease on dispatch (lease_until) where lease_until is not null;

-- One mutating run per resource.
create table locks (
  resource text primary key,
  run_id text not null,
  taken_at timestamptz not null
);
create index locks_run on locks (run_id);

-- The first answer to a request that carried an Idempotency-Key, per caller.
create table idempotency_keys (
  caller text not null,
  key text not null,
  fingerprint text not null,
  answer jsonb not null,
  created_at timestamptz not null,
  primary key (caller, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- Encrypted secrets. A secret lives while a resource owns it, and otherwise until its run is too old to retry.
create table secrets (
  id text primary key,
  sealed bytea not null,
  run_id text,
  owner text,
  created_at timestamptz not null,
  expires_at timestamptz
);
create index secrets_expiry on secrets (expires_at) where owner is null;
create index secrets_run on secrets (run_id);
create index secrets_owner on secrets (owner) where owner is not null;

-- How far each named subscriber has come.
create table checkpoints (
  subscriber text primary key,
  tx xid8 not null,
  position bigint not null,
  updated_at timestamptz not null
);

-- Read model: one row per server. The inventory is beside the state because it is large and changes rarely.
create table servers (
  id text collate "C" primary key,
  region text not null,
  project text not null,
  state text not null,
  power text not null,
  health text not null,
  pool text,
  uuid text,
  serial text,
  bmc_address text not null,
  tags jsonb not null,
  created_at timestamptz not null,
  stream_version integer not null,
  body jsonb not null,
  inventory jsonb
);
create index servers_project on servers (project, id desc);
create index servers_uuid on servers (uuid) where uuid is not null;
create index servers_serial on servers (serial) where serial is not null;
create index servers_bmc on servers (bmc_address);

-- Callers. Only a hash of each key is kept.
create table api_keys (
  id text primary key,
  name text not null unique,
  hash text not null unique,
  role text not null,
  created_at timestamptz not null,
  revoked_at timestamptz
);

-- Appends in one statement: leases are checked, streams moved from the expected to the new version, events,
-- read models, schedule, locks, secrets and idempotency keys written; or nothing at all. The argument holds one or
-- many commits merged; the caller runs them one by one when the merged one is refused.
--   MW001 a stream is not at its expected version    MW002 a resource is locked (detail: by which run)
--   MW003 the idempotency key exists                 MW004 a lease has been lost
--
-- The planner takes every list of the argument for a hundred rows and would rather read a whole table than look up
-- so many: a commit of one step would cost as much as there are runs. Here every row is looked up by its key.
create function journal_commit(c jsonb) returns void language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  wanted integer;
  got integer;
  holder text;
begin
  if c ? 'fences' then
    wanted := jsonb_array_length(c->'fences');
    select count(*) into got
      from jsonb_to_recordset(c->'fences') as f(run text, owner text, fence bigint)
      join dispatch d on d.run_id = f.run and d.owner = f.owner and d.fence = f.fence;
    if got <> wanted then raise exception 'a lease has been lost' using errcode = 'MW004'; end if;
  end if;

  if c ? 'keys' then
    insert into idempotency_keys (caller, key, fingerprint, answer, created_at)
      select caller, key, fingerprint, answer, at
      from jsonb_to_recordset(c->'keys') as k(caller text, key text, fingerprint text, answer jsonb, at timestamptz)
      on conflict do nothing;
    get diagnostics got = row_count;
    if got <> jsonb_array_length(c->'keys') then raise exception 'the idempotency key exists' using errcode = 'MW003'; end if;
  end if;

  if c ? 'moveLocks' then
    update locks l set run_id = m."to"
      from jsonb_to_recordset(c->'moveLocks') as m(resource text, "from" text, "to" text)
      where l.resource = m.resource and l.run_id = m."from";
    get diagnostics got = row_count;
    if got <> jsonb_array_length(c->'moveLocks') then raise exception 'the lock to be moved is not there' using errcode = 'MW002'; end if;
  end if;

  if c ? 'takeLocks' then
    insert into locks (resource, run_id, taken_at)
      select resource, run, at from jsonb_to_recordset(c->'takeLocks') as l(resource text, run text, at timestamptz)
      on conflict do nothing;
    get diagnostics got = row_count;
    if got <> jsonb_array_length(c->'takeLocks') then
      select l.run_id into holder
        from jsonb_to_recordset(c->'takeLocks') as t(resource text, run text)
        join locks l on l.resource = t.resource and l.run_id <> t.run limit 1;
      raise exception 'the resource is locked' using errcode = 'MW002', detail = coalesce(holder, '');
    end if;
  end if;

  if c ? 'newStreams' then
    insert into streams (stream, version)
      select s, n from jsonb_to_recordset(c->'newStreams') as x(s text, n integer)
      on conflict do nothing;
    get diagnostics got = row_count;
    if got <> jsonb_array_length(c->'newStreams') then raise exception 'the stream exists' using errcode = 'MW001'; end if;
  end if;

  if c ? 'streams' then
    update streams t set version = x.n
      from jsonb_to_recordset(c->'streams') as x(s text, e integer, n integer)
      where t.stream = x.s and t.version = x.e;
    get diagnostics got = row_count;
    if got <> jsonb_array_length(c->'streams') then
      raise exception 'a stream is not at its expected version' using errcode = 'MW001';
    end if;
  end if;

  if c ? 'events' then
    insert into events (stream, version, type, data, meta, occurred_at, digest)
      select s, v, t, d, m, a, g
      from jsonb_to_recordset(c->'events') as x(s text, v integer, t text, d jsonb, m jsonb, a timestamptz, g text);
  end if;

  if c ? 'newRuns' then
    insert into runs select * from jsonb_populate_recordset(null::runs, c->'newRuns');
  end if;

  if c ? 'runs' then
    update runs r set
        status = x.status, phase = x.phase, attention = x.attention, started_at = x.started_at,
        completed_at = x.completed_at, stream_version = x.stream_version, state = x.state,
        output = coalesce(x.output, r.output)
      from jsonb_to_recordset(c->'runs') as x(id text, status text, phase text, attention boolean,
        started_at timestamptz, completed_at timestamptz, stream_version integer, state jsonb, output jsonb)
      where r.id = x.id collate "C";
  end if;

  if c ? 'servers' then
    insert into servers select * from jsonb_populate_recordset(null::servers, c->'servers')
      on conflict (id) do update set
        state = excluded.state, power = excluded.power, health = excluded.health, pool = excluded.pool,
        uuid = excluded.uuid, serial = excluded.serial, bmc_address = excluded.bmc_address, tags = excluded.tags,
        stream_version = excluded.stream_version, body = excluded.body,
        inventory = coalesce(excluded.inventory, servers.inventory);
  end if;
  if c ? 'goneServers' then
    delete from servers where id in (select jsonb_array_elements_text(c->'goneServers'));
  end if;

  if c ? 'dispatch' then
    with x as (
      select * from jsonb_to_recordset(c->'dispatch') as d(run text, kind text, due timestamptz, release boolean)
    ), moved as (
      update dispatch d set
          due_at = x.due,
          lease_until = case when x.release then null else d.lease_until end,
          owner = case when x.release then null else d.owner end,
          attempts = case when x.release then 0 else d.attempts end
        from x where d.run_id = x.run collate "C"
        returning d.run_id
    )
    insert into dispatch (run_id, kind, due_at)
      select x.run, x.kind, x.due from x where not exists (select from moved where moved.run_id = x.run collate "C");
  end if;
  if c ? 'undispatch' then
    delete from dispatch where run_id in (select jsonb_array_elements_text(c->'undispatch'));
  end if;

  if c ? 'releaseLocks' then
    delete from locks l using jsonb_to_recordset(c->'releaseLocks') as x(resource text, run text)
      where l.resource = x.resource and l.run_id = x.run;
  end if;

  if c ? 'secrets' then
    insert into secrets (id, sealed, run_id, created_at)
      select id, decode(sealed, 'base64'), run, at
      from jsonb_to_recordset(c->'secrets') as x(id text, sealed text, run text, at timestamptz);
  end if;
  if c ? 'moveSecrets' then
    update secrets s set run_id = x."to", expires_at = null
      from jsonb_to_recordset(c->'moveSecrets') as x("from" text, "to" text) where s.run_id = x."from";
  end if;
  if c ? 'expireSecrets' then
    update secrets s set expires_at = x.at
      from jsonb_to_recordset(c->'expireSecrets') as x(run text, at timestamptz) where s.run_id = x.run;
  end if;
  if c ? 'disownSecrets' then
    delete from secrets s using jsonb_to_recordset(c->'disownSecrets') as x(owner text, how text)
      where s.owner = x.owner and x.how = 'forget';
    update secrets s set owner = null
      from jsonb_to_recordset(c->'disownSecrets') as x(owner text, how text)
      where s.owner = x.owner and x.how = 'release';
  end if;
end $$;
