import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Cipher, createCipher, generateSecretKey } from "#platform/cipher.ts";
import type { Database } from "#platform/database.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { belongsTo, claimInstallation } from "./installation.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { openJournal } from "./postgres-journal.ts";
import { dump, restore } from "./transfer.ts";

const KNOWN = readMigrations().at(-1)?.number ?? 0;
const ours = createCipher(generateSecretKey());
const others = createCipher(generateSecretKey());
const REFUSED = /another secret key .* set MILLWRIGHT_SECRET_KEY to the key of the installation/;

describeEachBackend("the installation's secret key", (backend) => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await backend.open();
    ({ database } = test);
    await migrate(database);
  });
  beforeEach(() =>
    database.query("truncate events, streams, secrets, api_keys, checkpoints, installation"),
  );
  afterAll(() => test.drop());

  const tokens = () => database.query("select key_token from installation");
  const accept = async (cipher: Cipher): Promise<void> => {
    const journal = await openJournal(database);
    const event = { type: "x", data: {}, meta: { actor: "tester", schema: 1 }, at: 0 };
    await journal.commit({
      appends: [{ stream: "run_1", expected: 0, events: [event] }],
      secrets: [{ id: "sec_1", sealed: cipher.seal("a password"), run: "run_1", at: 0 }],
    });
    await journal.close();
  };
  const dumped = async (): Promise<string[]> => {
    const lines: string[] = [];
    await dump(database, new Date(0), (line) => void lines.push(line));
    return lines;
  };
  const restored = (lines: readonly string[]) =>
    restore(
      database,
      (async function* () {
        yield* lines;
      })(),
      KNOWN,
    );

  it("is the first one's, and a process with another one is refused in words", async () => {
    await claimInstallation(database, ours);
    await claimInstallation(database, ours);
    const before = await tokens();
    await expect(claimInstallation(database, others)).rejects.toThrow(REFUSED);
    await expect(claimInstallation(await test.another(), others)).rejects.toThrow(REFUSED);
    await claimInstallation(await test.another(), ours);
    expect(await tokens()).toEqual(before);
    expect(before).toHaveLength(1);
  });

  it("is one of two that start at once", async () => {
    const second = await test.another();
    const claims = await Promise.allSettled([
      claimInstallation(database, ours),
      claimInstallation(second, others),
    ]);
    expect(claims.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const winner = claims[0].status === "fulfilled" ? ours : others;
    expect(await tokens()).toEqual([{ key_token: winner.token("installation") }]);
  });

  it("is told by the secrets of a database that has no token yet", async () => {
    await accept(ours);
    await expect(claimInstallation(database, others)).rejects.toThrow(REFUSED);
    expect(await tokens()).toEqual([]);
    await claimInstallation(database, ours);
    await database.query("delete from secrets");
    await expect(claimInstallation(database, others)).rejects.toThrow(REFUSED);
  });

  it.each(["this version", "a version that kept no token"])(
    "comes with a dump of %s, also where another one was before",
    async (version) => {
      await claimInstallation(database, ours);
      await accept(ours);
      const lines = await dumped();
      const kept = version === "this version";
      const file = kept
        ? lines
        : lines
            .filter((line) => !line.includes('"table":"installation"'))
            .map((line) => line.replace(',"installation":1', ""));
      expect(file.some((line) => line.includes("installation"))).toBe(kept);
      await database.query(
        "truncate events, streams, secrets, api_keys, checkpoints, installation",
      );

      await claimInstallation(database, others);
      await restored(file);
      expect(await belongsTo(database, others)).toBe(false);
      await expect(claimInstallation(database, others)).rejects.toThrow(REFUSED);
      await claimInstallation(database, ours);
    },
  );
});
