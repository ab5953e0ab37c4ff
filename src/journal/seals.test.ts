import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Database } from "#platform/database.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { migrate } from "./migrate.ts";
import { openJournal, type OpenJournal } from "./postgres-journal.ts";
import { createSealer, verifySeals } from "./seals.ts";

/** Seals prove what was written before them; a change of any event behind them breaks them. */
describeEachBackend("seals", (backend) => {
  let test: TestDatabase;
  let database: Database;
  let journal: OpenJournal;
  const told: Readonly<Record<string, unknown>>[] = [];
  beforeAll(async () => {
    test = await backend.open();
    ({ database } = test);
    await migrate(database);
    journal = await openJournal(database);
  });
  afterAll(async () => {
    await journal.close();
    await test.drop();
  });

  const sealer = () =>
    createSealer({
      database,
      clock: { now: () => Date.UTC(2026, 2, 2), sleep: () => Promise.resolve() },
      log: (_level, event, fields) => void told.push({ event, ...fields }),
    });
  const write = async (stream: string, versions: number): Promise<void> => {
    const events = Array.from({ length: versions }, (_, n) => ({
      type: "x",
      data: { n },
      meta: { actor: "tester", schema: 1 },
      at: Date.UTC(2026, 2, 2, 8, 0, n),
    }));
    expect(await journal.commit({ appends: [{ stream, expected: 0, events }] })).toEqual({
      ok: true,
    });
  };
  /** Calls until there are so many seals: transactions of other databases on the server count as open ones too. */
  const until = (seal: () => Promise<void>, seals: number): Promise<void> =>
    vi.waitFor(
      async () => {
        await seal();
        expect((await verifySeals(database)).seals).toBeGreaterThanOrEqual(seals);
      },
      { timeout: 20_000, interval: 20 },
    );
  beforeEach(async () => {
    await database.query("delete from seals");
    await database.query("delete from events");
    await database.query("delete from streams");
    told.length = 0;
  });

  it("cover what had settled at the call before, chained, and say so in the log", async () => {
    const seal = sealer();
    await write("run_a", 3);
    await seal();
    await write("run_b", 2);
    expect(await verifySeals(database)).toMatchObject({ seals: 0, last: null, unsealed: 5 });
    await until(seal, 1);
    const first = await verifySeals(database);
    expect(first).toMatchObject({ seals: 1, broken: null, unsealed: 2, last: { events: 3 } });
    expect(told).toEqual([
      expect.objectContaining({ event: "journal.sealed", seal: 1, digest: first.last?.digest }),
    ]);
    await until(seal, 2);
    const second = await verifySeals(database);
    expect(second).toMatchObject({ seals: 2, broken: null, unsealed: 0, last: { events: 2 } });
    await seal();
    expect((await verifySeals(database)).seals).toBe(2);
  });

  it("are written once by several processes", async () => {
    const sealers = [sealer(), sealer(), sealer()];
    const all = async (): Promise<void> => void (await Promise.all(sealers.map((seal) => seal())));
    for (let round = 0; round < 4; round += 1) {
      await write(`run_r${round}`, 2);
      await until(all, round + 1);
    }
    const report = await verifySeals(database);
    expect(report.broken).toBeNull();
    expect(report.seals).toBe(told.length);
    expect(report.seals).toBeGreaterThan(1);
  });

  it.runIf(backend.kind === "postgres")(
    "wait for a transaction that may still write below their end",
    async () => {
      const seal = sealer();
      let leave: () => void = () => undefined;
      const stays = new Promise<void>((resolve) => (leave = resolve));
      let enter: () => void = () => undefined;
      const inside = new Promise<void>((resolve) => (enter = resolve));
      const slow = database.transaction(async (query) => {
        await query(
          `insert into events (stream, version, type, data, meta, occurred_at, digest)
            values ('run_slow', 1, 'x', '{}', '{}', now(), 'd')`,
        );
        enter();
        await stays;
      });
      await inside;
      await write("run_fast", 2);
      await seal();
      await seal();
      expect((await verifySeals(database)).seals).toBe(0);
      leave();
      await slow;
      await until(seal, 1);
      expect(await verifySeals(database)).toMatchObject({ seals: 1, last: { events: 3 } });
    },
  );

  it.each([
    [
      "changed content with a digest to match",
      "update events set digest = 'forged' where version = 2",
    ],
    ["an event that was removed", "delete from events where version = 3"],
    ["a seal that was forged", "update seals set digest = 'forged' where number = 1"],
    ["a seal that was removed", "delete from seals where number = 1"],
  ])("show %s", async (_title, forgery) => {
    const seal = sealer();
    await write("run_a", 3);
    await until(seal, 1);
    await write("run_b", 1);
    await until(seal, 2);
    expect(await verifySeals(database)).toMatchObject({ seals: 2, broken: null });
    await database.query(forgery);
    const { broken } = await verifySeals(database);
    expect(broken?.number).toBeLessThanOrEqual(2);
    expect(broken?.problem).toMatch(/missing|changed|made over/);
  });
});
