import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "#platform/database.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { migrate, readMigrations, splitStatements, type Migration } from "./migrate.ts";

const migration = (number: number, sql: string, digest = sql): Migration => ({
  number,
  name: `${String(number).padStart(4, "0")}_test.sql`,
  sql,
  digest,
});

describe("splitStatements", () => {
  it("cuts at semicolons that end a line, and leaves comments and blank lines out", () => {
    expect(
      splitStatements("-- one\ncreate table a (\n  n int\n);\n\n-- two\ndrop table a;\n"),
    ).toEqual(["create table a (\n  n int\n);", "drop table a;"]);
  });

  it("keeps a body together, with its semicolons, comments and texts", () => {
    const body =
      "create function f() returns int language plpgsql as $$\nbegin\n  -- why;\n  return 1;\nend $$;";
    expect(splitStatements(`${body}\nselect 1;`)).toEqual([body, "select 1;"]);
    const oneLine = "do $$ begin perform 1; end $$;";
    expect(splitStatements(`${oneLine}\n${oneLine}`)).toEqual([oneLine, oneLine]);
  });

  it("takes a last statement without a semicolon, and gives nothing for nothing", () => {
    expect(splitStatements("select 1;\nselect 2")).toEqual(["select 1;", "select 2"]);
    expect(splitStatements("\n-- nothing here\n")).toEqual([]);
  });

  it("gives statements that begin as statements do, for every migration of this version", () => {
    for (const { sql, name } of readMigrations())
      for (const statement of splitStatements(sql))
        expect(statement, name).toMatch(
          /^(create|alter|drop|insert|update|delete|do|select|comment)\s/,
        );
  });
});

describeEachBackend("migrate", (backend) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await backend.open();
  });
  beforeEach(() => test.database.script("drop schema public cascade; create schema public;"));
  afterAll(() => test.drop());
  const tables = async (database: Database): Promise<string[]> => {
    const rows = await database.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by 1",
    );
    return rows.map(({ name }) => name);
  };

  it("applies what is missing, once, and refuses what it must not touch", async () => {
    const { database } = test;
    const one = migration(1, "create table one (n int);\ninsert into one values (1);");
    const two = migration(2, "create table two (n int);");
    expect(await migrate(database, [one])).toEqual([1]);
    expect(await migrate(database, [one])).toEqual([]);
    expect(await migrate(database, [one, two])).toEqual([2]);
    const known = ["one", "schema_migrations", "two"];
    expect(await tables(database)).toEqual(known);

    // An older version of the program on this database.
    await expect(migrate(database, [one])).rejects.toThrow(
      /schema 2, this version of Millwright knows up to 1; start the newer version/,
    );
    // A released file that was edited, beside a new one that must not be applied either.
    const edited = migration(1, "create table other (n int);");
    await expect(
      migrate(database, [edited, two, migration(3, "create table three ();")]),
    ).rejects.toThrow(/0001_test.sql differs/);
    // One that fails halfway leaves nothing of itself.
    const broken = migration(3, "create table three (n int);\nselect nonsense;");
    await expect(migrate(database, [one, two, broken])).rejects.toMatchObject({ code: "42703" });
    expect(await tables(database)).toEqual(known);
  });

  it("lets two processes that start at once take turns", async () => {
    const other = await test.another();
    const results = await Promise.all([migrate(test.database), migrate(other), migrate(other)]);
    const all = readMigrations().map(({ number }) => number);
    expect(results.toSorted((a, b) => b.length - a.length)).toEqual([all, [], []]);
    expect(await tables(other)).toContain("events");
  });
});
