import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "#platform/database.ts";
import { backends, describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { verifyAudit } from "./audit.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { openJournal } from "./postgres-journal.ts";
import { dump, restore } from "./transfer.ts";

const KNOWN = readMigrations().at(-1)?.number ?? 0;
const AT = new Date("2026-03-02T08:05:00.000Z");
const EMPTY = "truncate events, streams, secrets, api_keys, checkpoints";

const dumped = async (database: Database): Promise<string[]> => {
  const lines: string[] = [];
  await dump(database, AT, (line) => void lines.push(line));
  return lines;
};
async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
const restored = (database: Database, lines: readonly string[]) =>
  restore(database, each(lines), KNOWN);

/** Two streams with more events than a page, a secret, a key, and a subscriber who has come half way. */
async function fill(database: Database): Promise<void> {
  const journal = await openJournal(database);
  for (const [stream, count] of [
    ["run_1", 1_200],
    ["srv_1", 3],
  ] as const) {
    const events = Array.from({ length: count }, (_, n) => ({
      type: "counted",
      data: { n, text: "é ✓ \u{1F980}" },
      meta: { actor: "tester", schema: 1 },
      at: AT.getTime() + n,
    }));
    await journal.commit({
      appends: [{ stream, expected: 0, events }],
      ...(stream === "run_1" && {
        secrets: [{ id: "sec_1", sealed: new Uint8Array([0, 1, 255]), run: stream, at: 5 }],
      }),
    });
  }
  await database.query(
    "insert into api_keys (id, name, hash, role, created_at) values ('key_1', 'admin', 'h', 'admin', $1)",
    [AT],
  );
  await journal.saveCheckpoint("me", await journal.head());
  await journal.close();
}

const truth = async (database: Database) => ({
  events: await database.query(
    "select position, stream, version, type, data, meta, occurred_at, digest from events order by position",
  ),
  secrets: await database.query(
    "select id, encode(sealed, 'hex') as sealed, run_id, owner from secrets",
  ),
  keys: await database.query("select * from api_keys"),
  streams: await database.query("select * from streams order by stream"),
});

describe("transfer", () => {
  let opened: TestDatabase[];
  beforeAll(async () => {
    opened = await Promise.all(backends.map((backend) => backend.open()));
    for (const { database } of opened) await migrate(database);
  });
  afterAll(() => Promise.all(opened.map((test) => test.drop())));

  it("carries a journal through every database and back, and all of them go on from there", async () => {
    const [first] = opened;
    await fill(first!.database);
    const before = await truth(first!.database);
    let lines = await dumped(first!.database);
    await first!.database.query(EMPTY);
    // With a server: PGlite → PostgreSQL → PGlite. Without: PGlite → PGlite.
    for (const { database } of [...opened.slice(1), first!]) {
      expect(await restored(database, lines)).toEqual({ events: 1_203, secrets: 1, api_keys: 1 });
      expect(await truth(database)).toEqual(before);
      expect((await verifyAudit(database)).problems).toEqual([]);

      const journal = await openJournal(database);
      expect(await journal.checkpoint("me")).toBeNull();
      let cursor = null;
      const followed: number[] = [];
      for (;;) {
        const events = await journal.follow(cursor, {}, 500);
        if (events.length === 0) break;
        followed.push(...events.map(({ position }) => position));
        cursor = events.at(-1)!.cursor;
      }
      expect(followed).toEqual(before.events.map((row) => row["position"]));
      const more = { type: "more", data: {}, meta: { actor: "t", schema: 1 }, at: 0 };
      expect(
        await journal.commit({ appends: [{ stream: "srv_1", expected: 3, events: [more] }] }),
      ).toEqual({ ok: true });
      // A writer elsewhere on the server may hold it back for a moment.
      await expect.poll(() => journal.follow(cursor), { timeout: 20_000 }).toHaveLength(1);
      const news = await journal.follow(cursor);
      expect(news.map(({ type, version }) => [type, version])).toEqual([["more", 4]]);
      expect(news[0]!.position).toBeGreaterThan(followed.at(-1)!);
      await journal.close();

      await database.query("delete from events where type = 'more'");
      await database.query("update streams set version = 3 where stream = 'srv_1'");
      lines = await dumped(database);
      await database.query(EMPTY);
    }
  });

  it("refuses what it cannot restore completely, and then changes nothing", async () => {
    const { database } = opened[0]!;
    await database.query(EMPTY);
    await fill(database);
    const lines = await dumped(database);
    await expect(restored(database, lines)).rejects.toThrow(/not empty; restore into a new one/);
    await database.query(EMPTY);

    const incomplete = /incomplete|damaged/;
    const cases: [string, readonly string[], RegExp][] = [
      ["without its end", lines.slice(0, -1), incomplete],
      ["without a line in the middle", lines.toSpliced(600, 1), incomplete],
      [
        "with half a line at its end",
        [...lines.slice(0, 600), lines[600]!.slice(0, 40)],
        incomplete,
      ],
      ["with a line that is no object", lines.toSpliced(600, 1, "null"), incomplete],
      [
        "with rows of an unknown table",
        lines.toSpliced(600, 1, '{"table":"x","row":{}}'),
        incomplete,
      ],
      ["without its beginning", lines.slice(1), /not a millwright-dump\/1 file/],
      ["of another format", ['{"format":"millwright-dump/9"}'], /not a millwright-dump\/1 file/],
      ["of nothing", [], incomplete],
      [
        "of a newer schema",
        [JSON.stringify({ ...(JSON.parse(lines[0]!) as object), migrations: KNOWN + 1 })],
        /this version knows up to/,
      ],
    ];
    for (const [what, file, reason] of cases) {
      await expect(restored(database, file), what).rejects.toMatchObject({
        name: "RestoreRefused",
        message: expect.stringMatching(reason) as string,
      });
      expect((await truth(database)).events, what).toEqual([]);
    }
  });
});

describeEachBackend("dump beside a writer", (backend) => {
  it.skipIf(backend.kind === "pglite")("holds one moment, without holes", async () => {
    const test = await backend.open();
    try {
      await migrate(test.database);
      await fill(test.database);
      const writer = await test.another();
      const lines: string[] = [];
      await dump(test.database, AT, async (line) => {
        lines.push(line);
        // Somebody else changes what is not read yet: the dump's moment is the one in which it began.
        if (lines.length === 500) await writer.query("delete from events where version = 1100");
      });
      expect(lines).toHaveLength(1 + 1_203 + 2 + 1);
    } finally {
      await test.drop();
    }
  });
});
