import { collectDefaultMetrics, Gauge, type Registry } from "prom-client";
import type { RunningEngine } from "#engine/running-engine.ts";
import type { Database } from "#platform/database.ts";

/** What an operator wants on a wall: runs by status, what is due and late, how far subscribers may see. */
export function engineMetrics({
  registry,
  engine,
  database,
}: {
  readonly registry: Registry;
  readonly engine: Pick<RunningEngine, "status">;
  readonly database: Database;
}): void {
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "millwright_slices_running",
    help: "Slices that this process is running",
    registers: [registry],
    collect() {
      this.set(engine.status.running);
    },
  });
  new Gauge({
    name: "millwright_slices_total",
    help: "Slices that this process has begun since it started",
    registers: [registry],
    collect() {
      this.set(engine.status.slices);
    },
  });
  new Gauge({
    name: "millwright_runs_open",
    help: "Runs that have not ended, by phase",
    labelNames: ["phase"],
    registers: [registry],
    async collect() {
      const rows = await database.query<{ phase: string; n: number }>(
        "select phase, count(*)::int as n from runs where status in ('pending', 'running') group by phase",
      );
      this.reset();
      for (const { phase, n } of rows) this.set({ phase }, n);
    },
  });
  new Gauge({
    name: "millwright_runs_attention",
    help: "Runs that ask for a person",
    registers: [registry],
    async collect() {
      const [row] = await database.query<{ n: number }>(
        "select count(*)::int as n from runs where attention",
      );
      this.set(row?.n ?? 0);
    },
  });
  new Gauge({
    name: "millwright_dispatch_lateness_seconds",
    help: "How long the longest waiting due run has been waiting for a slice",
    registers: [registry],
    async collect() {
      const [row] = await database.query<{ late: number | null }>(
        "select extract(epoch from now() - min(due_at))::float8 as late from dispatch where due_at < now() and lease_until is null",
      );
      this.set(row?.late ?? 0);
    },
  });
  new Gauge({
    name: "millwright_subscription_lag_events",
    help: "Committed events that subscribers may not see yet, because an older transaction is open",
    registers: [registry],
    async collect() {
      const [row] = await database.query<{ n: number }>(
        "select count(*)::int as n from (select 1 from events where tx >= pg_snapshot_xmin(pg_current_snapshot()) limit 100000) hidden",
      );
      this.set(row?.n ?? 0);
    },
  });
}
