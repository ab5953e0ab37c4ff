import type { ApiKeys } from "#http/api-keys.ts";
import { ADMIN_ROLE, newApiKey } from "#http/api-keys.ts";
import { generateSecretKey } from "#platform/cipher.ts";
import type { Config } from "#platform/config.ts";
import type { DataDir } from "#platform/data-dir.ts";
import type { Database } from "#platform/database.ts";

/** The installation's two keys: what lets the first caller in, and what encrypts stored secrets. */

const SECRET_FILE = "secret-key";

export const secretKeyOf = (config: Config, dir: DataDir): string =>
  config.MILLWRIGHT_SECRET_KEY ?? dir.once(SECRET_FILE, generateSecretKey).value;

/** The secret key that the next start will use; null when it would make one. */
export const knownSecretKey = (config: Config, dir: DataDir): string | null =>
  config.MILLWRIGHT_SECRET_KEY ?? dir.existing(SECRET_FILE);

const ADMIN = { name: "admin", role: ADMIN_ROLE } as const;
const FILE = "admin-key";

export interface AdminKey {
  /** Where a person finds the key, in words. */
  readonly where: string;
  /** The key, when this process knows it. */
  readonly key: string | null;
}

/**
 * Makes sure that there is an admin key. The one from the environment always holds; otherwise the first process on a
 * database makes one and writes it into its data directory.
 */
export async function ensureAdminKey({
  config,
  dir,
  database,
  keys,
}: {
  readonly config: Config;
  readonly dir: DataDir;
  readonly database: Database;
  readonly keys: ApiKeys;
}): Promise<AdminKey> {
  const given = config.MILLWRIGHT_ADMIN_KEY;
  if (given !== undefined) {
    await keys.ensure({ ...ADMIN, key: given });
    return { where: "the variable MILLWRIGHT_ADMIN_KEY", key: given };
  }
  const file = dir.existing(FILE);
  if (file !== null && (await keys.authenticate(file)) !== null)
    return { where: `${dir.path}/${FILE}`, key: file };
  const [known] = await database.query("select from api_keys where name = $1", [ADMIN.name]);
  if (known !== undefined) {
    return {
      where:
        "the data directory or environment of the process that was started first on this database",
      key: null,
    };
  }
  const { value } = dir.once(FILE, newApiKey);
  await keys.ensure({ ...ADMIN, key: value });
  return { where: `${dir.path}/${FILE}`, key: value };
}
