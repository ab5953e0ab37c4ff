-- Which secret key this database belongs to: a token that only the holder of the key can make. A process with another
-- key could open no secret and would fail every run that it took, so it is refused at its start.
create table installation (
  number integer primary key check (number = 1),
  key_token text not null,
  recorded_at timestamptz not null default now()
);
