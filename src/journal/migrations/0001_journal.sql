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
-- What a person or a key has done (`GET /v1/events?actor=`). The engine's own events are by far the most and are
-- never looked for this way.
create index events_actor on events ((meta->>'actor'), position) where meta->>'actor' <> 'millwright';

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

-- Encrypted secrets. A secret lives while a resource owns it, and otherwise until its run is too old to retry. One that a
-- step has made (a kubeconfig) came in no request: it is found again by its owner and name.
create table secrets (
  id text primary key,
  sealed bytea not null,
  run_id text,
  owner text,
  name text,
  created_at timestamptz not null,
  expires_at timestamptz
);
create index secrets_expiry on secrets (expires_at) where owner is null;
create index secrets_run on secrets (run_id);
create index secrets_owner on secrets (owner) where owner is not null;
create unique index secrets_name on secrets (owner, name) where name is not null;

-- How far each named subscriber has come.
create table checkpoints (
  subscriber text primary key,
  tx xid8 not null,
  position bigint not null,
  updated_at timestamptz not null
);
