-- Clusters and virtual machines.

-- Read model: one row per cluster. The place is where its objects are kept: a management cluster and a namespace.
create table clusters (
  id text collate "C" primary key,
  region text not null,
  project text not null,
  state text not null,
  driver text not null,
  name text not null,
  management_cluster text not null,
  namespace text not null,
  created_at timestamptz not null,
  stream_version integer not null,
  body jsonb not null
);
create index clusters_project on clusters (project, id desc);
-- Its objects go by its name, whoever builds it, so no two at one place can have the same; a deleted one's is free again.
create unique index clusters_name on clusters (management_cluster, namespace, name) where state <> 'deleted';

-- Read model: one row per virtual machine.
create table vms (
  id text collate "C" primary key,
  region text not null,
  project text not null,
  state text not null,
  name text not null,
  management_cluster text not null,
  namespace text not null,
  created_at timestamptz not null,
  stream_version integer not null,
  body jsonb not null
);
create index vms_project on vms (project, id desc);
create unique index vms_name on vms (management_cluster, namespace, name) where state <> 'deleted';

-- Secrets that a step has made (a kubeconfig) come in no request: they are found again by their owner and name.
alter table secrets add column name text;
create unique index secrets_name on secrets (owner, name) where name is not null;

-- The rows of clusters and virtual machines, in the statement and transaction of `journal_commit`, which does all the rest.
--   MW005 the name is taken (detail: by which resource)
create function journal_commit_compute(c jsonb) returns void language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  holder text;
begin
  if c ? 'clusters' then
    begin
      insert into clusters select * from jsonb_populate_recordset(null::clusters, c->'clusters')
        on conflict (id) do update set
          state = excluded.state, name = excluded.name, management_cluster = excluded.management_cluster,
          namespace = excluded.namespace, stream_version = excluded.stream_version, body = excluded.body;
    exception when unique_violation then
      -- Whoever was first has committed by now, or there would have been a wait and no violation.
      select o.id into holder
        from jsonb_populate_recordset(null::clusters, c->'clusters') as n
        join clusters o on o.management_cluster = n.management_cluster and o.namespace = n.namespace
          and o.name = n.name and o.id <> n.id and o.state <> 'deleted'
        limit 1;
      raise exception 'the name is taken' using errcode = 'MW005', detail = coalesce(holder, '');
    end;
  end if;
  if c ? 'goneClusters' then
    delete from clusters where id in (select jsonb_array_elements_text(c->'goneClusters'));
  end if;

  if c ? 'vms' then
    begin
      insert into vms select * from jsonb_populate_recordset(null::vms, c->'vms')
        on conflict (id) do update set
          state = excluded.state, name = excluded.name, management_cluster = excluded.management_cluster,
          namespace = excluded.namespace, stream_version = excluded.stream_version, body = excluded.body;
    exception when unique_violation then
      select o.id into holder
        from jsonb_populate_recordset(null::vms, c->'vms') as n
        join vms o on o.management_cluster = n.management_cluster and o.namespace = n.namespace
          and o.name = n.name and o.id <> n.id and o.state <> 'deleted'
        limit 1;
      raise exception 'the name is taken' using errcode = 'MW005', detail = coalesce(holder, '');
    end;
  end if;
  if c ? 'goneVms' then
    delete from vms where id in (select jsonb_array_elements_text(c->'goneVms'));
  end if;
end $$;
