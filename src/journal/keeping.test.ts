import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCipher, generateSecretKey } from "#platform/cipher.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createIds } from "#platform/ids.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { verifyAudit } from "./audit.ts";
import { storable } from "./canonical.ts";
import type { Commit } from "./journal.ts";
import { sweep } from "./maintain.ts";
import { migrate } from "./migrate.ts";
import { openJournal, type OpenJournal } from "./postgres-journal.ts";
import { openSecrets, type SecretStore } from "./secrets.ts";

/** What must stay as it was, and what must go: events and their digests, secrets, keys. */
describeEachBackend("keeping", (backend) => {
  let test: TestDatabase;
  let database: Database;
  let journal: OpenJournal;
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

  const event = (data: unknown = {}) => ({
    type: "x",
    data,
    meta: { actor: "tester", schema: 1 },
    at: Date.UTC(2026, 2, 2, 8, 5, 0, 123),
  });
  const put = async (commit: Commit): Promise<void> => {
    expect(await journal.commit(commit)).toEqual({ ok: true });
  };

  describe("events", () => {
    it("come back as they were written, whatever is in them, and have their digests", async () => {
      let stream = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.jsonValue({ stringUnit: "binary", maxDepth: 3 }), {
            minLength: 1,
            maxLength: 5,
          }),
          async (values) => {
            stream += 1;
            const id = `run_any${stream}`;
            const events = values.map((value) => event({ value }));
            await put({ appends: [{ stream: id, expected: 0, events }] });
            const read = await journal.read(id);
            expect(read.map(({ data }) => data)).toEqual(
              values.map((value) => storable({ value })),
            );
          },
        ),
        { numRuns: 60 },
      );
      await put({
        appends: [
          { stream: "run_odd", expected: 0, events: [event({ "a\0": { "\ud800": 1e21 } })] },
        ],
      });
      expect((await journal.read("run_odd"))[0]?.data).toEqual({
        "a\u{FFFD}": { "\u{FFFD}": 1e21 },
      });
      const report = await verifyAudit(database);
      expect(report).toMatchObject({ streams: stream + 1, problems: [] });
      expect(report.events).toBeGreaterThan(60);
    });

    it("that were changed, removed or slipped in are found, each by its place", async () => {
      const events = [event({ n: 1 }), event({ n: 2 }), event({ n: 3 })];
      for (const stream of ["run_f1", "run_f2", "run_f3", "run_f4", "run_f5", "run_f6"])
        await put({ appends: [{ stream, expected: 0, events }] });
      const forge = (sql: string) => database.query(sql);
      await forge(`update events set data = '{"n": 7}' where stream = 'run_f1' and version = 2`);
      await forge(
        `update events set meta = meta || '{"actor": "eve"}' where stream = 'run_f2' and version = 1`,
      );
      await forge(
        `update events set occurred_at = occurred_at + interval '1 ms' where stream = 'run_f2' and version = 3`,
      );
      await forge(`delete from events where stream = 'run_f3' and version = 1`);
      await forge(`delete from events where stream = 'run_f4' and version = 3`);
      await forge(`delete from events where stream = 'run_f5'`);
      await forge(`delete from streams where stream = 'run_f6'`);
      const { problems } = await verifyAudit(database);
      expect(problems.toSorted((a, b) => a.stream.localeCompare(b.stream))).toEqual([
        { stream: "run_f1", version: 2, problem: "the content does not have its digest" },
        { stream: "run_f2", version: 1, problem: "the content does not have its digest" },
        { stream: "run_f2", version: 3, problem: "the content does not have its digest" },
        { stream: "run_f3", version: 1, problem: "missing: the next one is 2" },
        { stream: "run_f4", version: 3, problem: "the stream should end here, it ends at 2" },
        { stream: "run_f5", version: 3, problem: "the stream should end here, it ends at 0" },
        { stream: "run_f6", version: 0, problem: "the stream should end here, it ends at 3" },
      ]);
    });
  });

  describe("secrets", () => {
    let now = Date.UTC(2026, 2, 2);
    const clock = { now: () => now };
    const cipher = createCipher(generateSecretKey());
    const ids = createIds(() => now);
    let store: SecretStore;
    beforeAll(() => {
      store = openSecrets(database, cipher, { clock, ids });
    });
    const keep = async (name: string, run = `run_${name}`): Promise<string> => {
      const id = `sec_${name}`;
      await put({
        appends: [{ stream: run, expected: 0, events: [event()] }],
        secrets: [{ id, sealed: cipher.seal(`password of ${name}`), run, at: now }],
      });
      return id;
    };
    const expireWith = (run: string, at: number) =>
      put({ appends: [], expireSecrets: [{ run, at }] });
    const gone = { code: "NOT_FOUND" };

    it("are told to who has the key, and are not in the clear in the database", async () => {
      const id = await keep("a");
      expect(await store.reveal(id)).toBe("password of a");
      const [row] = await database.query<{ sealed: Uint8Array }>(
        "select sealed from secrets where id = $1",
        [id],
      );
      expect(Buffer.from(row!.sealed).includes("password")).toBe(false);
      const other = openSecrets(database, createCipher(generateSecretKey()), { clock, ids });
      await expect(other.reveal(id)).rejects.toMatchObject({
        code: "INTERNAL_ERROR",
        message: expect.stringContaining("another MILLWRIGHT_SECRET_KEY") as string,
      });
      await expect(store.reveal("sec_nobody")).rejects.toMatchObject(gone);
    });

    it("expire with their run's last chance of a retry, but not while a resource owns them", async () => {
      const [free, owned] = [await keep("free"), await keep("owned")];
      await store.adopt(owned, "srv_1");
      await store.adopt(owned, "srv_1");
      for (const run of ["run_free", "run_owned"]) await expireWith(run, now + 1_000);
      expect(await store.sweep()).toBe(0);
      now += 1_001;
      expect(await store.sweep()).toBe(1);
      await expect(store.reveal(free)).rejects.toMatchObject(gone);
      expect(await store.reveal(owned)).toBe("password of owned");

      await store.release(owned, "srv_2");
      expect(await store.sweep()).toBe(0);
      await store.release(owned, "srv_1");
      await store.release(owned, "srv_1");
      expect(await store.sweep()).toBe(1);
      await expect(store.adopt(owned, "srv_1")).rejects.toMatchObject(gone);
    });

    it("go with an owner that is out of use, or are left to their run by one that is not there any more", async () => {
      const [forgotten, released, kept] = [await keep("x"), await keep("y"), await keep("z")];
      for (const id of [forgotten, released]) await store.adopt(id, `srv_of_${id}`);
      await store.adopt(kept, "srv_of_another");
      await expireWith("run_y", now + 1_000);
      await put({
        appends: [],
        disownSecrets: [
          { owner: `srv_of_${forgotten}`, how: "forget" },
          { owner: `srv_of_${released}`, how: "release" },
        ],
      });
      await expect(store.reveal(forgotten)).rejects.toMatchObject(gone);
      expect(await store.reveal(released)).toBe("password of y");
      now += 1_001;
      expect(await store.sweep()).toBe(1);
      await expect(store.reveal(released)).rejects.toMatchObject(gone);
      expect(await store.reveal(kept)).toBe("password of z");
    });

    it("that a step has made are kept once per owner and name, and go with the owner", async () => {
      const place = { owner: "cls_1", name: "kubeconfig" };
      const id = await store.keep(place, "first");
      expect(await Promise.all([store.keep(place, "second"), store.keep(place, "second")])).toEqual(
        [id, id],
      );
      expect(await store.reveal(id)).toBe("second");
      expect(await store.renew(id, { from: "first", to: "an older one" })).toBe(false);
      expect(await store.reveal(id)).toBe("second");
      // Of several that saw the same text one takes its place, whatever the others have seen since.
      const renewals = ["third", "fourth", "fifth"].map(async (to) =>
        (await store.renew(id, { from: "second", to })) ? to : null,
      );
      const renewed = (await Promise.all(renewals)).filter((text) => text !== null);
      expect(renewed).toEqual([await store.reveal(id)]);
      const other = await store.keep({ owner: "cls_2", name: "kubeconfig" }, "of another");
      expect(other).not.toBe(id);
      now += 1_000_000;
      expect(await store.sweep()).toBe(0);
      await put({ appends: [], disownSecrets: [{ owner: "cls_1", how: "forget" }] });
      await expect(store.reveal(id)).rejects.toMatchObject(gone);
      expect(await store.renew(id, { from: "third", to: "last" })).toBe(false);
      await expect(store.reveal(id)).rejects.toMatchObject(gone);
      // A record that is gone leaves nobody who could ask for it, and no run whose retry would need it.
      await put({ appends: [], disownSecrets: [{ owner: "cls_2", how: "release" }] });
      expect(await store.sweep()).toBe(1);
      await expect(store.reveal(other)).rejects.toMatchObject(gone);
    });

    it("still end with their run when a later run has adopted them again", async () => {
      const [released, orphaned] = [await keep("twice"), await keep("twice_too")];
      for (const id of [released, orphaned]) {
        await store.adopt(id, `srv_of_${id}`);
        await expireWith(id.replace("sec_", "run_"), now + 1_000);
        await store.adopt(id, `srv_of_${id}`);
      }
      now += 1_001;
      expect(await store.sweep()).toBe(0);
      await store.release(released, `srv_of_${released}`);
      const disowned = { owner: `srv_of_${orphaned}`, how: "release" } as const;
      await put({ appends: [], disownSecrets: [disowned] });
      expect(await store.sweep()).toBe(2);
    });

    it("pass to the run that retries theirs, without an end until that one has ended", async () => {
      const id = await keep("first");
      await expireWith("run_first", now + 1_000);
      await put({ appends: [], moveSecrets: [{ from: "run_first", to: "run_second" }] });
      await expireWith("run_first", now + 1);
      now += 5_000;
      expect(await store.sweep()).toBe(0);
      expect(await store.reveal(id)).toBe("password of first");
      await expireWith("run_second", now - 1);
      expect(await store.sweep()).toBe(1);
    });

    it("are forgotten at once on request, and a second time too", async () => {
      const id = await keep("forgotten");
      await store.adopt(id, "srv_1");
      await store.forget(id);
      await store.forget(id);
      await expect(store.reveal(id)).rejects.toMatchObject(gone);
    });

    it("and old idempotency keys go when the house is kept, and the database is tended", async () => {
      const doomed = await keep("doomed");
      await expireWith("run_doomed", now - 1);
      const key = (name: string, at: number) => ({
        caller: "c",
        key: name,
        fingerprint: "f",
        answer: {},
        at,
      });
      await put({ appends: [], keys: [key("old", now - 24 * 3_600_000 - 1), key("new", now)] });
      await sweep({ database, secrets: store, clock: clock as Clock, log: () => undefined });
      await expect(store.reveal(doomed)).rejects.toMatchObject(gone);
      expect(await database.query("select key from idempotency_keys")).toEqual([{ key: "new" }]);
      if (backend.kind === "pglite") {
        const tended = await database.query<{ name: string }>(
          "select relname as name from pg_stat_user_tables where last_vacuum is not null",
        );
        expect(tended.map(({ name }) => name)).toContain("dispatch");
      }
    });
  });
});
