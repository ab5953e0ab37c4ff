import type { Cipher } from "#platform/cipher.ts";
import type { Database } from "#platform/database.ts";

/**
 * To which secret key a database belongs. What one key has sealed no other can open: a process with another one would
 * take runs, find their credentials unreadable and fail them for good.
 */

/** What the token is made for; nothing that is handed out is made for the same text. */
const TOKEN_OF = "installation";
/** Secrets that are tried when no token says whose they are. */
const TRIED_SECRETS = 100;

export const giveTheKey =
  "set MILLWRIGHT_SECRET_KEY to the key of the installation that first wrote them, which is in its environment or in the file secret-key of its data directory";

class OtherSecretKey extends Error {
  constructor() {
    super(
      `the secrets in this database belong to another secret key than this process has, so it takes no work; ${giveTheKey}`,
    );
    this.name = "OtherSecretKey";
  }
}

const opens = (cipher: Cipher, sealed: Uint8Array): boolean => {
  try {
    cipher.open(sealed);
    return true;
  } catch {
    return false;
  }
};

/** Whether the database belongs to this key, or to none yet. Changes nothing. */
export async function belongsTo(
  { query }: Pick<Database, "query">,
  cipher: Cipher,
): Promise<boolean> {
  const [known] = await query<{ token: string }>("select key_token as token from installation");
  if (known !== undefined) return cipher.verifies(TOKEN_OF, known.token);
  // Written or dumped by a version that kept no token: its secrets tell.
  const secrets = await query<{ sealed: Uint8Array }>(
    "select sealed from secrets order by id limit $1",
    [TRIED_SECRETS],
  );
  return secrets.length === 0 || secrets.some(({ sealed }) => opens(cipher, sealed));
}

/**
 * Makes the database belong to this key if it belongs to none yet; of two processes that start at once with different
 * keys one is refused. Throws an error that says what to do when it belongs to another.
 */
export async function claimInstallation(
  database: Pick<Database, "query">,
  cipher: Cipher,
): Promise<void> {
  if (!(await belongsTo(database, cipher))) throw new OtherSecretKey();
  const made = await database.query(
    "insert into installation (number, key_token) values (1, $1) on conflict do nothing returning number",
    [cipher.token(TOKEN_OF)],
  );
  if (made.length === 0 && !(await belongsTo(database, cipher))) throw new OtherSecretKey();
}
