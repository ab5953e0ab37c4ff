import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { migrate } from "#journal/migrate.ts";
import { openJournal } from "#journal/postgres-journal.ts";
import { type BridgedDatabase, openBridgedDatabase } from "#test/bridge-backend.ts";
import { type Child, endChild } from "#test/processes/child.ts";
import { startScript } from "#test/script-child.ts";
import { type Database, isDatabaseAway } from "./database.ts";

/** What only a bridge has: several processes on a database with one session. Each ends in its own way. */

let test: BridgedDatabase;
const children: Child[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await endChild(child);
  await test.drop();
});

const numbers = async (database: Database): Promise<number[]> =>
  (await database.query<{ n: number }>("select n from numbers order by n")).map(({ n }) => n);

const withNumbers = async (options?: { readonly idleMs: number }): Promise<void> => {
  test = await openBridgedDatabase(options);
  await test.owner.script("create table numbers (n int primary key)");
};

/** Another process, which says what it has come to. */
const startOther = (script: string): Child => {
  const opening = `
    import fs from "node:fs";
    import { openBridged } from "#platform/bridged-database.ts";
    const [port, secret] = process.argv.slice(1);
    const database = await openBridged({ port: Number(port), secret });
    const say = (text) => fs.writeSync(1, text + "\\n");
  `;
  const child = startScript(opening + script, [String(test.port()), test.secret]);
  children.push(child);
  return child;
};

it("never lets the transactions of several processes and the owner's statements interleave", async () => {
  await withNumbers();
  const others = await Promise.all([test.another(), test.another(), test.another()]);
  const takeNext = (database: Database): Promise<void> =>
    database.transaction(async (query) => {
      const [row] = await query<{ next: number }>(
        "select coalesce(max(n), 0) + 1 as next from numbers",
      );
      await query("insert into numbers values ($1)", [-row!.next]);
      await query("delete from numbers where n = $1", [-row!.next]);
      await query("insert into numbers values ($1)", [row!.next]);
    });
  const seen: number[] = [];
  await Promise.all(
    [test.owner, ...others].flatMap((database) =>
      Array.from({ length: 5 }, async () => {
        await takeNext(database);
        seen.push(...(await numbers(database)));
      }),
    ),
  );
  expect(seen.filter((n) => n < 0)).toEqual([]);
  expect(await numbers(test.owner)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

it("takes back the transaction of a process that is killed in it, and gives its locks away", async () => {
  await withNumbers();
  const other = startOther(`
    await database.query("insert into numbers values (1)");
    await database.tryLock("bmc");
    await database.transaction(async (query) => {
      await query("insert into numbers values (2)");
      say("in the middle");
      await new Promise(() => setInterval(() => undefined, 1_000));
    });
  `);
  await other.says(/in the middle/);
  expect(await test.owner.tryLock("bmc")).toBeNull();
  const waiting = test.owner.query("insert into numbers values (3)");
  other.signal("SIGKILL");
  await waiting;
  expect(await numbers(test.owner)).toEqual([1, 3]);
  await expect.poll(() => test.owner.tryLock("bmc")).not.toBeNull();
});

it("takes back the transaction of a process that is stopped in it, and lets it come back", async () => {
  await withNumbers({ idleMs: 200 });
  const other = startOther(`
    await database.transaction(async (query) => {
      await query("insert into numbers values (1)");
      say("in the middle");
      process.kill(process.pid, "SIGSTOP");
      await query("insert into numbers values (2)");
    }).catch((error) => say("lost: " + error.code));
    await database.query("insert into numbers values (4)");
    say("back");
    await database.close();
  `);
  await other.says(/in the middle/);
  await test.owner.query("insert into numbers values (3)");
  expect(await numbers(test.owner)).toEqual([3]);
  other.signal("SIGCONT");
  await other.says(/lost: ECONNRESET/);
  await other.says(/back/);
  expect(await numbers(test.owner)).toEqual([3, 4]);
  expect(await other.ended).toEqual({ code: 0, signal: null });
});

it("forgets a transaction that waited for its turn when its process went away", async () => {
  await withNumbers();
  const first = await test.another();
  const second = await test.another();
  await first.transaction(async (query) => {
    await query("insert into numbers values (1)");
    const waiting = second.transaction((late) => late("insert into numbers values (2)"));
    await second.close();
    await expect(waiting).rejects.toThrow(/lost/);
  });
  await test.owner.transaction((query) => query("insert into numbers values (3)"));
  expect(await numbers(test.owner)).toEqual([1, 3]);
});

it("is there for this machine alone", async () => {
  await withNumbers();
  const elsewhere = new Promise((resolve, reject) => {
    const socket = connect(test.port(), "127.0.0.2", () => resolve(socket.destroy()));
    socket.on("error", reject);
  });
  await expect(elsewhere).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

it("comes back to an owner that was away, and hears what was said meanwhile", async () => {
  await withNumbers();
  const other = await test.another();
  const heard: string[] = [];
  await other.listen("bell", (payload) => heard.push(payload));
  const held = await other.tryLock("bmc");
  const lost = other.transaction(async (query) => {
    await query("insert into numbers values (1)");
    await test.reopen();
    await query("insert into numbers values (2)");
  });
  await expect(lost.catch((error: unknown) => isDatabaseAway(error))).resolves.toBe(true);
  // It may have knocked while nobody was there.
  await expect.poll(() => other.query("select 1 as one").catch(() => null)).toEqual([{ one: 1 }]);
  expect(await numbers(test.owner)).toEqual([]);
  // Once for what may have been said while it was away.
  await expect.poll(() => heard, { timeout: 10_000 }).toEqual([""]);
  await test.owner.query("select pg_notify('bell', 'ring')");
  await expect.poll(() => heard).toEqual(["", "ring"]);
  // Whoever has the lock now keeps it when the old holder lets go.
  expect(await test.owner.tryLock("bmc")).not.toBeNull();
  await held!();
  expect(await test.owner.tryLock("bmc")).toBeNull();
});

it("tells the owner of others' commits, and others of the owner's", async () => {
  test = await openBridgedDatabase();
  await migrate(test.owner);
  const ours = await openJournal(test.owner);
  const theirs = await openJournal(await test.another());
  const heard: string[] = [];
  ours.onCommit((byOthers) => byOthers && heard.push("ours"));
  theirs.onCommit((byOthers) => byOthers && heard.push("theirs"));
  const commit = (stream: string) => ({
    appends: [
      {
        stream,
        expected: 0,
        events: [{ type: "it.happened", data: {}, meta: { schema: 1, actor: "test" }, at: 0 }],
      },
    ],
  });
  expect(await theirs.commit(commit("run_1"))).toEqual({ ok: true });
  await expect.poll(() => heard).toEqual(["ours"]);
  expect(await ours.commit(commit("run_2"))).toEqual({ ok: true });
  await expect.poll(() => heard).toEqual(["ours", "theirs"]);
  expect(await theirs.commit(commit("run_2"))).toMatchObject({ ok: false });
  await theirs.close();
  await ours.close();
});
