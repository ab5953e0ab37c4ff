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
