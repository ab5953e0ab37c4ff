import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresBackend, type TestDatabase } from "#test/backends.ts";
import type { Database } from "./database.ts";

/** What only a server can do to us: drop connections, and let several processes in. */
describe.skipIf(postgresBackend === null)("postgres (needs TEST_DATABASE_URL)", () => {
  let test: TestDatabase;
  let first: Database;
  let second: Database;
  beforeAll(async () => {
    test = await postgresBackend!.open();
    first = test.database;
    second = await test.another();
  });
  afterAll(() => test.drop());

  /** Ends connections of this database as a restarting server would; returns how many. */
  const drop = async (application: string): Promise<number> => {
    const rows = await second.query<{ ended: boolean }>(
      `select pg_terminate_backend(pid) as ended from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name = $1`,
      [application],
    );
    return rows.length;
  };
  const sessions = async (): Promise<number> => {
    const rows = await second.query<{ n: number }>(
      `select count(*) as n from pg_stat_activity
        where datname = current_database() and application_name = 'millwright session'`,
    );
    return rows[0]?.n ?? 0;
  };

  it("hears notifications again after its connection was lost, and keeps one session for it", async () => {
    const heard: string[] = [];
    await first.listen("bell", (payload) => heard.push(payload));
    // So that what may have been said meanwhile is looked for, a listener is called once it listens.
    await expect.poll(() => heard).toEqual([""]);
    for (let round = 1; round <= 3; round += 1) {
      heard.length = 0;
      expect(await drop("millwright session")).toBe(1);
      await expect.poll(() => heard, { timeout: 10_000 }).toEqual([""]);
      await second.query("select pg_notify('bell', 'ring')");
      await expect.poll(() => heard).toEqual(["", "ring"]);
      expect(await sessions()).toBe(1);
    }
  });

  it("goes on querying after its idle connections were closed", async () => {
    await first.query("select 1");
    await drop("millwright");
    await expect.poll(() => first.query("select 1 as one").catch(() => null)).toEqual([{ one: 1 }]);
  });

  it("rejects a transaction whose connection is lost, and gives that connection to nobody else", async () => {
    await expect(
      first.transaction(async (query) => {
        const [row] = await query<{ pid: number }>("select pg_backend_pid() as pid");
        await second.query("select pg_terminate_backend($1)", [row!.pid]);
        await query("select 1");
      }),
    ).rejects.toThrow();
    for (let index = 0; index < 12; index += 1)
      expect(await first.query("select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("gives a named lock to one process, and to the next when the first one's connection is gone", async () => {
    const held = await first.tryLock("bmc");
    expect(held).not.toBeNull();
    expect(await second.tryLock("bmc")).toBeNull();
    await held!();
    const theirs = await second.tryLock("bmc");
    expect(theirs).not.toBeNull();
    expect(await first.tryLock("bmc")).toBeNull();

    await drop("millwright session");
    const ours = await expect
      .poll(() => first.tryLock("bmc").catch(() => null))
      .not.toBeNull()
      .then(() => undefined);
    expect(ours).toBeUndefined();
    // The old holder's release comes late and must change nothing.
    await theirs!();
    await expect.poll(() => second.tryLock("bmc").catch(() => "lost")).toBeNull();
  });
});
