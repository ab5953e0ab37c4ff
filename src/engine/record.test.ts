import { afterAll, beforeAll, expect, it } from "vitest";
import { deleted, struck } from "#domain/pool/decide.ts";
import type { PoolState } from "#domain/pool/state.ts";
import type { ServerState } from "#domain/server/state.ts";
import { migrate } from "#journal/migrate.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { type PoolSite, openPoolSite, poolBindings } from "#test/pool-site.ts";
import { record } from "./record.ts";
import type { Change } from "./requests.ts";
import { Resources } from "./resources.ts";

describeEachBackend("changes without a run", (backend) => {
  let test: TestDatabase;
  let site: PoolSite;
  beforeAll(async () => {
    test = await backend.open();
    await migrate(test.database);
    site = await openPoolSite(test.database, "default");
  });
  afterAll(async () => {
    await site.journal.close();
    await test.drop();
  });

  /** Counts what is asked of the database. */
  const counting = (asked: string[]): Database => ({
    ...test.database,
    query: async (sql, params) => {
      asked.push(sql);
      return test.database.query(sql, params);
    },
  });

  it("ask the database no more for a pool of many servers than for one of few", async () => {
    const pool = await site.pool("many");
    const servers = [];
    for (let n = 0; n < 40; n += 1) servers.push(await site.server({}, pool.name));
    const asked: string[] = [];
    const database = counting(asked);
    const core = {
      resources: new Resources(database, poolBindings),
      journal: site.journal,
      clock: systemClock,
    };
    const changes: Change[] = [
      {
        resource: { type: "pool", id: pool.id },
        facts: (state) => deleted(state as PoolState | null, pool.id, []),
      },
      ...servers.map((id): Change => ({
        resource: { type: "server", id },
        facts: (state) => struck(state as ServerState | null, id, pool),
      })),
    ];
    const answer = await record(core, { changes: async () => changes, by: { actor: "dana" } });
    expect(answer).toEqual({ state: null });
    expect(asked).toHaveLength(2);
    expect(
      await test.database.query("select count(*)::int as n from servers where pool = 'many'"),
    ).toEqual([{ n: 0 }]);
  });
});
