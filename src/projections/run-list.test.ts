import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunStatus, WorkflowType } from "#contract/run.ts";
import { runRow } from "#engine/run-row.ts";
import type { RunState } from "#engine/run-state.ts";
import { migrate } from "#journal/migrate.ts";
import type { Database } from "#platform/database.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { runStateFixture } from "#test/run-fixture.ts";
import { type RunFilter, type RunKey, type RunSort, runSorts } from "./list-query.ts";
import { RowCounter } from "./row-count.ts";
import { listRuns } from "./run-list.ts";

/** The list against a plain model of it: filter, sort and cut an array. */

const START = Date.UTC(2026, 2, 2);
const HOUR = 3_600_000;
const types: WorkflowType[] = ["server.register", "server.inspect", "cluster.create", "vm.delete"];
const statuses: RunStatus[] = ["pending", "running", "completed", "failed", "cancelled"];

/** Runs in the order they were made; some wait hours for their start, some have none. */
const runs: RunState[] = Array.from({ length: 240 }, (_, index) => {
  const status = statuses[index % 5] ?? "failed";
  const createdAt = START + index * (HOUR / 4) + (index % 7);
  return runStateFixture({
    createdAt,
    index,
    workflow: types[(index * 7) % 4] ?? "vm.delete",
    status,
    startedAt: status === "pending" ? null : createdAt + (index % 11 === 0 ? 30 * HOUR : index % 3),
    resourceId: `srv_${index % 6}`,
    actor: index % 4 === 0 ? "dana" : "robot",
    attention: index % 9 === 0,
    retryOf: index % 20 === 19 ? (index % 40 === 39 ? "run_A" : "run_B") : null,
  });
});

async function insert(db: Database, run: RunState): Promise<void> {
  const entries = Object.entries(runRow(run).columns ?? {});
  const values = entries.map(([, value]) =>
    typeof value === "object" && value !== null && !(value instanceof Date)
      ? JSON.stringify(value)
      : (value as string),
  );
  await db.query(
    `insert into runs (${entries.map(([name]) => name).join(", ")}) values (${entries.map((_, at) => `$${at + 1}`).join(", ")})`,
    values,
  );
}

const at = (run: RunState): number => run.startedAt ?? run.createdAt;

const modelMatches = (run: RunState, filter: RunFilter): boolean =>
  (filter.types?.includes(run.requested.workflow) ?? true) &&
  (filter.status === undefined || run.status === filter.status) &&
  (filter.resourceType === undefined || filter.resourceType === "server") &&
  (filter.resourceId === undefined || run.requested.resourceId === filter.resourceId) &&
  (filter.triggeredBy === undefined || run.actor === filter.triggeredBy) &&
  (filter.project === undefined || filter.project === "default") &&
  (filter.attention === undefined || (run.attention !== null) === filter.attention) &&
  (filter.retryOf === undefined || run.requested.retryOf === filter.retryOf) &&
  (filter.since === undefined || at(run) >= filter.since) &&
  (filter.until === undefined || at(run) < filter.until);

const byId = (a: RunState, b: RunState): number => (a.id < b.id ? -1 : 1);

function model(filter: RunFilter, sort: RunSort): string[] {
  const ascending = runs
    .filter((run) => modelMatches(run, filter))
    .toSorted((a, b) => (sort.endsWith("startedAt") ? at(a) - at(b) || byId(a, b) : byId(a, b)));
  const ids = ascending.map(({ id }) => id);
  return sort.startsWith("-") ? ids.toReversed() : ids;
}

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const instant = fc.integer({ min: START - HOUR, max: START + 70 * HOUR });
const anyFilter = fc
  .record({
    types: some(fc.subarray([...types], { minLength: 1 })),
    status: some(fc.constantFrom(...statuses)),
    resourceType: some(fc.constantFrom("server" as const, "vm" as const)),
    resourceId: some(fc.constantFrom("srv_1", "srv_5", "srv_none")),
    triggeredBy: some(fc.constantFrom("dana", "robot", "nobody")),
    project: some(fc.constantFrom("default", "other")),
    attention: some(fc.boolean()),
    retryOf: some(fc.constantFrom("run_A", "run_none")),
    since: some(instant),
    until: some(instant),
  })
  .map(
    (filter) =>
      Object.fromEntries(
        Object.entries(filter).filter(([, value]) => value !== undefined),
      ) as RunFilter,
  );

describeEachBackend("the list of runs", (backend) => {
  let test: TestDatabase;
  let counter: RowCounter;
  beforeAll(async () => {
    test = await backend.open();
    await migrate(test.database);
    for (const run of runs) await insert(test.database, run);
    counter = new RowCounter(test.database, () => Date.now());
  });
  afterAll(() => test.drop());

  it("pages through exactly what the model has, in its order, for any filter and sort", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFilter,
        fc.constantFrom(...runSorts),
        fc.integer({ min: 1, max: 60 }),
        async (filter, sort, limit) => {
          const expected = model(filter, sort);
          const seen: string[] = [];
          let after: RunKey | null = null;
          do {
            const start =
              after === null ? { by: "number" as const, skip: 0 } : { by: "key" as const, after };
            const page = await listRuns(test.database, counter, { filter, sort, limit, start });
            expect(page.total).toEqual({ count: expected.length, isEstimate: false });
            seen.push(...page.items.map(({ id }) => id));
            after = page.next;
          } while (after !== null);
          expect(seen).toEqual(expected);
        },
      ),
      { numRuns: 120 },
    );
  });

  it("finds the same page by number as by walking there", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFilter,
        fc.constantFrom(...runSorts),
        fc.nat({ max: 100 }),
        async (filter, sort, skip) => {
          const start = { by: "number" as const, skip };
          const page = await listRuns(test.database, counter, { filter, sort, limit: 7, start });
          const expected = model(filter, sort);
          expect(page.items.map(({ id }) => id)).toEqual(expected.slice(skip, skip + 7));
          expect(page.next !== null).toBe(expected.length > skip + 7);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("stays on its page while runs are added", async () => {
    const query = { filter: {}, sort: "-createdAt" as const, limit: 5 };
    const first = await listRuns(test.database, counter, {
      ...query,
      start: { by: "number", skip: 0 },
    });
    const [newest] = runs.toReversed();
    const added = runStateFixture({ index: 999, createdAt: (newest?.createdAt ?? 0) + HOUR });
    await insert(test.database, added);
    const second = await listRuns(test.database, counter, {
      ...query,
      start: { by: "key", after: first.next as RunKey },
    });
    await test.database.query("delete from runs where id = $1", [added.id]);
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(
      model({}, "-createdAt").slice(0, 10),
    );
  });
});
