import { encodeTime } from "ulid";
import { workflowTypes } from "#contract/run.ts";
import type { ListQuery, PageStart, RunFilter, RunKey, RunSort } from "#projections/list-query.ts";
import { type MadeRuns, YEAR_MS } from "./million-runs.ts";

/** What people ask of the list of runs: every filter alone, with a common and a rare value, and some together. */

export interface NamedQuery {
  readonly name: string;
  readonly query: ListQuery<RunFilter, RunKey, RunSort>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Asked {
  readonly sort?: RunSort;
  readonly start?: PageStart<RunKey>;
}

const ask = (name: string, filter: RunFilter, { sort, start }: Asked = {}): NamedQuery => ({
  name,
  query: {
    filter,
    sort: sort ?? "-createdAt",
    limit: 20,
    start: start ?? { by: "number", skip: 0 },
  },
});

export function namedQueries(made: MadeRuns): NamedQuery[] {
  const now = made.newestAt;
  const types = (prefix: string) => workflowTypes.filter((type) => type.startsWith(prefix));
  const halfway = now - YEAR_MS / 2;
  /** Behind half of all runs. */
  const deep: PageStart<RunKey> = {
    by: "key",
    after: { at: halfway, id: `run_${encodeTime(halfway, 10)}0000000000000000` },
  };
  return [
    ask("all", {}),
    ask("type, 15 % of all", { types: ["server.inspect"] }),
    ask("type, 0.01 % of all", { types: ["cluster.delete"] }),
    ask("type prefix server.", { types: types("server.") }),
    ask("type prefix cluster.", { types: types("cluster.") }),
    ask("status completed", { status: "completed" }),
    ask("status failed", { status: "failed" }),
    ask("status running", { status: "running" }),
    ask("resourceType vm", { resourceType: "vm" }),
    ask("resourceId, many runs", { resourceId: made.busyServer }),
    ask("resourceId, few runs", { resourceId: made.quietServer }),
    ask("triggeredBy, common", { triggeredBy: "caller-0" }),
    ask("triggeredBy, rare", { triggeredBy: "caller-39" }),
    ask("triggeredBy, nobody", { triggeredBy: "caller-x" }),
    ask("project, rare", { project: "project-9" }),
    ask("attention", { attention: true }),
    ask("retryOf", { retryOf: made.retried }),
    ask("since an hour ago", { since: now - HOUR_MS }),
    ask("since 11 months ago", { since: now - 335 * DAY_MS }),
    ask("a day, 6 months ago", { since: halfway, until: halfway + DAY_MS }),
    ask("until 11 months ago", { until: now - 335 * DAY_MS }),
    ask("failed server.provision", { types: ["server.provision"], status: "failed" }),
    ask("failed vm.delete, rare caller", {
      types: ["vm.delete"],
      status: "failed",
      triggeredBy: "caller-39",
    }),
    ask("failed, of one server", { status: "failed", resourceId: made.busyServer }),
    ask("running, made 11 months ago", { status: "running", until: now - 335 * DAY_MS }),
    ask("attention, rare project", { attention: true, project: "project-9" }),
    ask("a day of a rare type", {
      types: ["cluster.upgrade"],
      since: halfway,
      until: halfway + DAY_MS,
    }),
    ask("all, oldest first", {}, { sort: "createdAt" }),
    ask("all, by start", {}, { sort: "-startedAt" }),
    ask("failed, by start", { status: "failed" }, { sort: "-startedAt" }),
    ask("rare type, by start", { types: ["cluster.delete"] }, { sort: "-startedAt" }),
    ask("rare caller, by start", { triggeredBy: "caller-39" }, { sort: "startedAt" }),
    ask("one server, by start", { resourceId: made.busyServer }, { sort: "-startedAt" }),
    ask("cursor behind half of all", {}, { start: deep }),
    ask("cursor behind half, failed", { status: "failed" }, { start: deep }),
    ask("cursor behind half, rare type", { types: ["cluster.delete"] }, { start: deep }),
    ask("cursor behind half, by start", {}, { sort: "-startedAt", start: deep }),
    ask("page 500", {}, { start: { by: "number", skip: 9_980 } }),
    ask("page 500, failed", { status: "failed" }, { start: { by: "number", skip: 9_980 } }),
  ];
}
