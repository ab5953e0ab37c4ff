import { expect, it } from "vitest";
import { claimInstallation } from "#journal/installation.ts";
import { migrate } from "#journal/migrate.ts";
import { createCipher, generateSecretKey } from "#platform/cipher.ts";
import { postgresBackend } from "#test/backends.ts";
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
