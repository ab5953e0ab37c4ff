import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Backend, describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { bridgeBackend } from "#test/bridge-backend.ts";
import { type Database, isDatabaseAway, sqlState } from "./database.ts";

it("tells a database's errors from the operating system's and from everything else", () => {
  for (const code of ["23505", "MW001", "40P01", "XX000", "22P02"])
    expect(sqlState(Object.assign(new Error("x"), { code }))).toBe(code);
  for (const code of ["EPIPE", "ECONNRESET", "", null, 23505])
    expect(sqlState(Object.assign(new Error("x"), { code }))).toBeNull();
  for (const thrown of [null, undefined, "23505", new Error("x")])
    expect(sqlState(thrown)).toBeNull();
});

it("tells a database that is away from one that refuses", () => {
  const coded = (code: string) => Object.assign(new Error("x"), { code });
  for (const code of ["57P01", "08006", "53300", "ECONNREFUSED", "EPIPE"])
    expect(isDatabaseAway(coded(code)), code).toBe(true);
  expect(isDatabaseAway(new Error("Connection terminated unexpectedly"))).toBe(true);
  for (const code of ["23505", "22P02", "MW001", "ENOENT"])
    expect(isDatabaseAway(coded(code)), code).toBe(false);
  for (const thrown of [null, "57P01", new Error("a bug")])
    expect(isDatabaseAway(thrown)).toBe(false);
});

/** What the port promises, whichever database is behind it. */
const contract = (backend: Backend): void => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await backend.open();
    database = test.database;
    await database.script(`
      create table parents (id int primary key);
      create table things (n int primary key, parent int references parents);
      insert into parents values (1);
    `);
  });
  afterAll(() => test.drop());

  const count = async (where = "true"): Promise<number> =>
    (await database.query<{ n: number }>(`select count(*) as n from things where ${where}`))[0]!.n;

  it("gives and takes the same types", async () => {
    const at = new Date("2026-03-02T08:05:00.123Z");
    const [row] = await database.query(
      `select $1::bigint as big, $2::timestamptz as at, $3::jsonb as json, $4::bytea as bytes, $5::text[] as texts,
        $6::boolean as yes, $7::text as nothing, 9007199254740991::bigint as largest`,
      [
        42,
        at,
        JSON.stringify({ a: [1, "x", null] }),
        Buffer.from([0, 255]),
        ["a", "b"],
        true,
        null,
      ],
    );
    expect(row).toMatchObject({
      big: 42,
      at,
      json: { a: [1, "x", null] },
      texts: ["a", "b"],
      yes: true,
      nothing: null,
      largest: Number.MAX_SAFE_INTEGER,
    });
    expect(Buffer.from(row!["bytes"] as Uint8Array)).toEqual(Buffer.from([0, 255]));
  });

  it("throws errors with SQLSTATE, constraint and detail", async () => {
    await database.query("insert into things values (1, 1)");
    await expect(database.query("insert into things values (1, 1)")).rejects.toMatchObject({
      code: "23505",
      constraint: "things_pkey",
      detail: "Key (n)=(1) already exists.",
    });
    await expect(database.query("insert into things values (2, 7)")).rejects.toMatchObject({
      code: "23503",
      constraint: "things_parent_fkey",
    });
    await expect(
      database.query(
        "do $$ begin raise exception 'no' using errcode = 'MW002', detail = 'who'; end $$",
      ),
    ).rejects.toMatchObject({ message: "no", code: "MW002", detail: "who" });
  });

  it("shows others all of a transaction or nothing, and takes it back when its work throws", async () => {
    const seen: number[] = [];
    const looks: Promise<unknown>[] = [];
    const look = (): void => {
      looks.push(count("n between 10 and 19").then((n) => seen.push(n)));
    };
    await database.transaction(async (query) => {
      await query("insert into things values (10)");
      look();
      await query("insert into things values (11)");
      look();
    });
    look();
    await Promise.all(looks);
    for (const n of seen) expect([0, 2]).toContain(n);
    expect(seen.at(-1)).toBe(2);

    const thrown = new Error("changed my mind");
    await expect(
      database.transaction(async (query) => {
        await query("insert into things values (20)");
        throw thrown;
      }),
    ).rejects.toBe(thrown);
    expect(await count("n = 20")).toBe(0);
  });

  it("goes on after a transaction that an SQL error has ended", async () => {
    await expect(
      database.transaction(async (query) => {
        await query("insert into things values (30)");
        await query("select nonsense").catch(() => undefined);
        await query("insert into things values (31)");
      }),
    ).rejects.toMatchObject({ code: "25P02" });
    expect(await count("n in (30, 31)")).toBe(0);
    await database.transaction((query) => query("insert into things values (30)"));
    expect(await count("n = 30")).toBe(1);
  });

  it("keeps concurrent transactions apart", async () => {
    await database.query("insert into things values (100, null)");
    await Promise.all(
      Array.from({ length: 20 }, () =>
        database.transaction(async (query) => {
          const [row] = await query<{ parent: number | null }>(
            "select parent from things where n = 100 for update",
          );
          const next = (row?.parent ?? 0) + 1;
          await query("insert into parents values ($1) on conflict do nothing", [next]);
          await query("update things set parent = $1 where n = 100", [next]);
        }),
      ),
    );
    const [row] = await database.query("select parent from things where n = 100");
    expect(row).toEqual({ parent: 20 });
  });

  it("calls listeners of a channel after the commit, each until it stops", async () => {
    const heard: string[] = [];
    const hear = (who: string) => (payload: string) => {
      if (payload !== "") heard.push(`${who} ${payload}`);
    };
    const stopFirst = await database.listen("bell", hear("first"));
    await database.listen("bell", hear("second"));
    await database.listen("other", hear("other"));
    const notify = (payload: string) => database.query("select pg_notify('bell', $1)", [payload]);
    await database.transaction(async (query) => {
      await query("select pg_notify('bell', 'early')");
      expect(heard).toEqual([]);
    });
    await expect.poll(() => heard).toEqual(["first early", "second early"]);
    await stopFirst();
    await notify("late");
    await expect.poll(() => heard).toEqual(["first early", "second early", "second late"]);
  });

  it("gives a named lock to one holder at a time", async () => {
    const release = await database.tryLock("bmc 1");
    expect(release).not.toBeNull();
    expect(await database.tryLock("bmc 1")).toBeNull();
    const other = await database.tryLock("bmc 2");
    expect(other).not.toBeNull();
    await release!();
    const again = await database.tryLock("bmc 1");
    expect(again).not.toBeNull();
    // Letting go twice must not take the lock from whoever has it now.
    await release!();
    expect(await database.tryLock("bmc 1")).toBeNull();
    await again!();
    await other!();
  });
};

describeEachBackend("database", contract);
describe("database on a bridge", () => contract(bridgeBackend));
