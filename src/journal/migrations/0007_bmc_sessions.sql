-- Sessions that we hold at BMCs, one per BMC and account, so that all processes share it and one that died
-- leaves none behind. The token is sealed with the installation's key; `mark` is a digest of it, by which one
-- session is told from its successor.
create table bmc_sessions (
  bmc text not null,
  account text not null,
  mark text not null,
  uri text,
  token bytea not null,
  tls_mode text not null check (tls_mode in ('pin', 'ca', 'insecure')),
  tls_fingerprint text,
  used_at timestamptz not null,
  primary key (bmc, account)
);
create index bmc_sessions_used_at on bmc_sessions (used_at);
