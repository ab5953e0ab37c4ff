import { afterAll, beforeAll, expect, it } from "vitest";
import { migrate } from "#journal/migrate.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";

describeEachBackend("whether a server is in a pool", (backend) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await backend.open();
    const { database } = test;
    await migrate(database);
    // As many as the planner needs to prefer an index.
    await database.query(
      `insert into pools (id, region, project, name, created_at, stream_version, body)
        select 'pool_' || n, 'local', 'default', 'list-' || n, now(), 1, '{}' from generate_series(1, 50) n`,
    );
    await database.query(
      `insert into servers (id, region, project, state, power, health, pool, bmc_address, tags, created_at, stream_version, body)
        select 'srv_' || n, 'local', 'default', 'available', 'off', 'healthy', 'list-' || n % 50, 'x',
          jsonb_build_object('rack', 'r' || n % 50), now(), 1, '{}' from generate_series(1, 5000) n`,
    );
    await database.query("analyze");
  });
  afterAll(() => test.drop());

  it("is found by an index, whichever way it came there, so that a pool costs as much as it has servers", async () => {
    const plan = await test.database.query<{ "QUERY PLAN": string }>(
      "explain select p.id, s.id from pools p join servers s on in_pool(s, p) where p.id = 'pool_1'",
    );
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
    for (const index of ["servers_pool", "servers_tags", "servers_allocated_from"])
      expect(text).toContain(`Bitmap Index Scan on ${index}`);
  });
});
