import { expect, it } from "vitest";
import { claimInstallation } from "#journal/installation.ts";
import { migrate } from "#journal/migrate.ts";
import { createCipher, generateSecretKey } from "#platform/cipher.ts";
import { readConfig } from "#platform/config.ts";
import { postgresBackend } from "#test/backends.ts";
import { openMemoryDatabase } from "#test/memory-database.ts";
import { openBridgeOf } from "./bridge.ts";
import { openWorker } from "./worker.ts";

it.skipIf(postgresBackend === null)(
  "a worker with another secret key than the control plane's is refused (needs TEST_DATABASE_URL)",
  async () => {
    const test = await postgresBackend!.open();
    try {
      await migrate(test.database);
      const key = generateSecretKey();
      await claimInstallation(test.database, createCipher(key));
      const open = (secretKey: string) =>
        openWorker(
          {
            MILLWRIGHT_DATABASE_URL: test.url!,
            MILLWRIGHT_SECRET_KEY: secretKey,
            MILLWRIGHT_PUBLIC_URL: "http://127.0.0.1:4400",
            MILLWRIGHT_LOG_LEVEL: "silent",
          },
          () => undefined,
        );
      await expect(open(generateSecretKey())).rejects.toThrow(/set MILLWRIGHT_SECRET_KEY to/);
      const worker = await open(key);
      await worker.close();
    } finally {
      await test.drop();
    }
  },
);

it("a worker without a database of its own uses the control plane's, if it has the same secret key", async () => {
  const key = generateSecretKey();
  const cipher = createCipher(key);
  const database = await openMemoryDatabase({ shared: true });
  const told: string[] = [];
  const bridge = await openBridgeOf({
    config: readConfig({ MILLWRIGHT_BRIDGE_PORT: "0" }),
    log: (level) => told.push(level),
    database,
    cipher,
  });
  const open = (secretKey: string) =>
    openWorker(
      {
        MILLWRIGHT_BRIDGE_PORT: String(bridge.port),
        MILLWRIGHT_SECRET_KEY: secretKey,
        MILLWRIGHT_PUBLIC_URL: "http://127.0.0.1:4400",
        MILLWRIGHT_LOG_LEVEL: "silent",
      },
      () => undefined,
    );
  try {
    expect(told).toEqual(["warn"]);
    await migrate(database);
    await claimInstallation(database, cipher);
    await expect(open(generateSecretKey())).rejects.toThrow(/the same MILLWRIGHT_SECRET_KEY/);
    const worker = await open(key);
    await worker.close();
    const [count] = await database.query("select count(*) as n from installation");
    expect(count).toEqual({ n: 1 });
  } finally {
    await bridge.close();
    await database.close();
  }
  await expect(open(key)).rejects.toThrow(/ECONNREFUSED.*MILLWRIGHT_ENGINE=trigger/);
});
