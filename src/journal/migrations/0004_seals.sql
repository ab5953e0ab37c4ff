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
-- What a person or a key has done (`GET /v1/events?actor=`). The engine's own events are by far the most and are
-- never looked for this way.
create index events_actor on events ((meta->>'actor'), position) where meta->>'actor' <> 'millwright';
