-- Callers. Only a hash of each key is kept.
create table api_keys (
  id text primary key,
  name text not null unique,
  hash text not null unique,
  role text not null,
  created_at timestamptz not null,
  revoked_at timestamptz
);

-- Blocks of events, each sealed over the digests of its events and the seal before it, so that a digest noted
-- elsewhere proves that nothing up to there was changed, removed or slipped in.
create table seals (
  number integer primary key,
  -- The block holds the events after `after_position`, up to and with `to_position`.
  after_position bigint not null,
  to_position bigint not null,
  events integer not null,
  digest text not null,
  sealed_at timestamptz not null
);

-- Which secret key this database belongs to: a token that only the holder of the key can make. A process with another
-- key could open no secret and would fail every run that it took, so it is refused at its start.
create table installation (
  number integer primary key check (number = 1),
  key_token text not null,
  recorded_at timestamptz not null default now()
);
