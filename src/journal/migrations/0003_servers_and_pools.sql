-- Read model: one row per pool. `selector` holds the tags by which it finds its servers; null: they say so themselves,
-- by its name in `servers.pool`.
create table pools (
  id text collate "C" primary key,
  region text not null,
  project text not null,
  name text not null,
  selector jsonb,
  created_at timestamptz not null,
  stream_version integer not null,
  body jsonb not null
);
create unique index pools_name on pools (region, project, name);

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
  inventory jsonb,
  -- A pool cannot go while a cluster has a server that was drawn from it, and none is drawn from a pool that goes: the
  -- reference makes the two take turns.
  allocation text check (allocation in ('reserved', 'used')),
  allocated_to text,
  allocated_from text collate "C" references pools (id),
  free_since timestamptz
);
create index servers_project on servers (project, id desc);
create index servers_uuid on servers (uuid) where uuid is not null;
create index servers_serial on servers (serial) where serial is not null;
create index servers_bmc on servers (bmc_address);
create index servers_allocated_to on servers (allocated_to) where allocated_to is not null;
create index servers_allocated_from on servers (allocated_from) where allocated_from is not null;
create index servers_tags on servers using gin (tags jsonb_path_ops);
create index servers_pool on servers (pool) where pool is not null;
create index servers_free on servers (project, free_since, id) where free_since is not null;

-- Whether a server is in a pool (null is no). One that was drawn from it stays in it until it is given back, whatever
-- becomes of its tags. Each of the three ways has its index, so that a pool costs as much as it has servers.
create function in_pool(s servers, p pools) returns boolean language sql immutable as $$
  select s.region = p.region and s.project = p.project and s.state <> 'decommissioned'
    and (s.pool = case when p.selector is null then p.name end or s.tags @> p.selector or s.allocated_from = p.id)
$$;
