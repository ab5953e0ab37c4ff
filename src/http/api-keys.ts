import { createHash, randomBytes } from "node:crypto";
import type { Database } from "#platform/database.ts";
import { ExpiringMap } from "#platform/expiring-map.ts";
import type { Ids } from "#platform/ids.ts";
import type { Caller } from "./dependencies.ts";

/** API keys: who a bearer token stands for. Only a hash of each is kept, so a stolen table opens nothing. */

const keyForm = /^mk_[A-Za-z0-9_-]{16,128}$/;

/** Keys are long random texts, so a plain hash is enough: there is nothing to guess. */
const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex");

export const newApiKey = (): string => `mk_${randomBytes(32).toString("base64url")}`;

/** The only role that means anything until rights are given per project: it may do everything. */
export const ADMIN_ROLE = "super_admin";

/** A revoked key is refused after this time at the latest. */
const KEPT_MS = 5_000;
const MOST_KEPT = 1_000;

export interface ApiKeys {
  /** The caller of a key; null when it is unknown or revoked. */
  authenticate(key: string): Promise<Caller | null>;
  /** Makes the key of this name be this one. A second call changes nothing. */
  ensure(key: {
    readonly name: string;
    readonly key: string;
    readonly role: string;
  }): Promise<void>;
}

export function createApiKeys(options: {
  readonly db: Database;
  readonly ids: Ids;
  readonly now: () => number;
}): ApiKeys {
  const { db, ids, now } = options;
  const known = new ExpiringMap<Caller>({ now, keptMs: KEPT_MS, most: MOST_KEPT });
  return {
    async authenticate(key) {
      if (!keyForm.test(key)) return null;
      const hash = hashOf(key);
      const kept = known.get(hash);
      if (kept !== undefined) return kept;
      const [row] = await db.query<{ name: string; role: string }>(
        "select name, role from api_keys where hash = $1 and revoked_at is null",
        [hash],
      );
      // Only good keys are kept: a key that has just been made must not be refused for a while.
      if (row === undefined) return null;
      const caller = { name: row.name, role: row.role };
      known.set(hash, caller);
      return caller;
    },
    async ensure({ name, key, role }) {
      if (!keyForm.test(key))
        throw new TypeError("an API key is mk_ and 16 to 128 letters, digits, _ or -");
      await db.query(
        `insert into api_keys (id, name, hash, role, created_at) values ($1, $2, $3, $4, $5)
          on conflict (name) do update set hash = excluded.hash, role = excluded.role, revoked_at = null
          where api_keys.hash <> excluded.hash`,
        [ids.make("key"), name, hashOf(key), role, new Date(now())],
      );
    },
  };
}
