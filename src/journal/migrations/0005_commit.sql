-- Rows of clusters or virtual machines, whose names are unique at their place.
create function write_named(kind text, rows jsonb) returns void language plpgsql as $$
declare
  holder text;
begin
  execute format(
    'insert into %1$I select * from jsonb_populate_recordset(null::%1$I, $1)
      on conflict (id) do update set
        state = excluded.state, name = excluded.name, management_cluster = excluded.management_cluster,
        namespace = excluded.namespace, stream_version = excluded.stream_version, body = excluded.body', kind)
    using rows;
exception when unique_violation then
  -- Whoever was first has committed by now, or there would have been a wait and no violation.
  execute format(
    'select o.id from jsonb_populate_recordset(null::%1$I, $1) as n
      join %1$I o on o.management_cluster = n.management_cluster and o.namespace = n.namespace
        and o.name = n.name and o.id <> n.id and o.state <> ''deleted''
      limit 1', kind)
    into holder using rows;
  raise exception 'the name is taken' using errcode = 'MW005', detail = coalesce(holder, '');
end $$;

-- Appends in one statement: leases are checked, streams moved from the expected to the new version, events,
-- read models, schedule, locks, secrets and idempotency keys written; or nothing at all. The argument holds one or
-- many commits merged; the caller runs them one by one when the merged one is refused.
--   MW001 a stream is not at its expected version    MW002 a resource is locked (detail: by which run)
--   MW003 the idempotency key exists                 MW004 a lease has been lost
--   MW005 the name is taken (detail: by which resource)
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

  if c ? 'pools' then
    insert into pools select * from jsonb_populate_recordset(null::pools, c->'pools')
      on conflict (id) do update set
        selector = excluded.selector, stream_version = excluded.stream_version, body = excluded.body;
  end if;

  if c ? 'servers' then
    insert into servers select * from jsonb_populate_recordset(null::servers, c->'servers')
      on conflict (id) do update set
        state = excluded.state, power = excluded.power, health = excluded.health, pool = excluded.pool,
        uuid = excluded.uuid, serial = excluded.serial, bmc_address = excluded.bmc_address, tags = excluded.tags,
        stream_version = excluded.stream_version, body = excluded.body,
        inventory = coalesce(excluded.inventory, servers.inventory),
        allocation = excluded.allocation, allocated_to = excluded.allocated_to,
        allocated_from = excluded.allocated_from, free_since = excluded.free_since;
  end if;
  if c ? 'clusters' then perform write_named('clusters', c->'clusters'); end if;
  if c ? 'vms' then perform write_named('vms', c->'vms'); end if;

  if c ? 'goneServers' then
    delete from servers where id in (select jsonb_array_elements_text(c->'goneServers'));
  end if;
  if c ? 'gonePools' then
    delete from pools where id in (select jsonb_array_elements_text(c->'gonePools'));
  end if;
  if c ? 'goneClusters' then
    delete from clusters where id in (select jsonb_array_elements_text(c->'goneClusters'));
  end if;
  if c ? 'goneVms' then
    delete from vms where id in (select jsonb_array_elements_text(c->'goneVms'));
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
