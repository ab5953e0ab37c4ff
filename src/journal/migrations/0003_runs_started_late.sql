-- Runs that waited over an hour for their start: few, and the only ones whose id says less about their start than
-- lists by `since` need (projections/run-list.ts).
create index runs_started_late on runs (started_at) where started_at - created_at > interval '1 hour';
-- Without it the planner takes a third of all runs for late ones and does not use the index.
create statistics runs_queue_time on (started_at - created_at) from runs;
