import { afterAll, beforeAll, expect, it } from "vitest";
import { ENGINE_ACTOR } from "#contract/events.ts";
import { migrate } from "#journal/migrate.ts";
import { type OpenJournal, openJournal } from "#journal/postgres-journal.ts";
import type { Database, Param } from "#platform/database.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { type EventReader, createEventReader } from "./event-reader.ts";

const COMMON = 12_000;

describeEachBackend("the log by pages", (backend) => {
  let test: TestDatabase;
  let journal: OpenJournal;
  let reader: EventReader;
  const asked: { readonly sql: string; readonly params: readonly Param[] }[] = [];
  beforeAll(async () => {
    test = await backend.open();
    const { database } = test;
    await migrate(database);
    // Three rare events of two types come first, so that the newest ten thousand hold none of them.
    await database.query(
      `insert into events (stream, version, type, data, meta, occurred_at, digest)
        select 'run_1', n,
          case when n = 1 then 'run.abandoned' when n <= 3 then 'run.recovered' else 'step.started' end,
          '{}', jsonb_build_object('schema', 1, 'actor', case when n = 2 then 'ann' else $1::text end), now(), ''
        from generate_series(1, ${COMMON}) n`,
      [ENGINE_ACTOR],
    );
    await database.query("analyze events");
    const noting: Database = {
      ...database,
      async query<Row extends object>(sql: string, params: readonly Param[] = []): Promise<Row[]> {
        asked.push({ sql, params });
        return database.query<Row>(sql, params);
      },
    };
    journal = await openJournal(noting);
    reader = createEventReader(noting, journal, () => 0);
  });
  afterAll(async () => {
    await journal.close();
    await test.drop();
  });

  it.each([
    ["a type", { types: ["run.abandoned"] }, [1]],
    ["two types", { types: ["run.abandoned", "run.recovered"] }, [3, 2, 1]],
    ["a prefix", { types: ["run.*"] }, [3, 2, 1]],
    ["a prefix and one of its types", { types: ["run.*", "run.recovered"] }, [3, 2, 1]],
    ["a caller", { actor: "ann" }, [2]],
    ["a caller and a prefix", { actor: "ann", types: ["run.*"] }, [2]],
  ])("shows and counts what is rare by %s, without reading all", async (_by, filter, versions) => {
    asked.length = 0;
    const { events, total } = await reader.page(filter, null, 10);
    expect(events.map(({ version }) => version)).toEqual(versions);
    expect(total).toEqual({ count: versions.length, isEstimate: false });
    expect(asked).toHaveLength(2);
    for (const { sql, params } of asked) {
      const plan = await test.database.query(`explain ${sql}`, params);
      expect(JSON.stringify(plan)).not.toContain("Seq Scan");
      expect(JSON.stringify(plan)).toMatch(/events_type|events_actor/);
    }
  });

  it("gives the next page of several types, and nothing at once for a prefix of none", async () => {
    const { events, next, total } = await reader.page({ types: ["run.*"] }, null, 2);
    expect([events.map(({ version }) => version), total.count]).toEqual([[3, 2], 3]);
    const rest = await reader.page({ types: ["run.*"] }, next, 2);
    expect([rest.events.map(({ version }) => version), rest.next]).toEqual([[1], null]);
    asked.length = 0;
    expect(await reader.page({ types: ["lamp.*"] }, null, 2)).toEqual({
      events: [],
      next: null,
      total: { count: 0, isEstimate: false },
    });
    expect(asked).toEqual([]);
  });

  it("counts up to ten thousand and estimates beyond, never less than it shows", async () => {
    const { total } = await reader.page({ types: ["step.*"] }, null, 2);
    expect(total.isEstimate).toBe(true);
    expect(total.count).toBeGreaterThan(10_000);
  });
});
