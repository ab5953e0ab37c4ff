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
-- Runs that waited over an hour for their start: few, and the only ones whose id says less about their start than
-- lists by `since` need (projections/run-list.ts).
create index runs_started_late on runs (started_at) where started_at - created_at > interval '1 hour';
-- Without it the planner takes a third of all runs for late ones and does not use the index.
create statistics runs_queue_time on (started_at - created_at) from runs;
