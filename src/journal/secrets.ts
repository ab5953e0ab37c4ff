import { Failure } from "#contract/failures.ts";
import type { SecretId } from "#contract/ids.ts";
import type { Cipher } from "#platform/cipher.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Ids } from "#platform/ids.ts";

/**
 * Secrets at rest. They are sealed by the door that received them, written in the transaction that accepted the
 * request, and named everywhere else by id only. A secret lives while a resource owns it; otherwise until its run
 * can no longer be retried. What a step itself has made is kept for its owner and lives only while that has it.
 */
export interface SecretStore {
  /** The secret's text. NOT_FOUND when it has expired or was forgotten; INTERNAL_ERROR when the key does not fit. */
  reveal(id: SecretId): Promise<string>;
  /** Gives the secret an owner, without whom it expires with its run. A second call changes nothing. */
  adopt(id: SecretId, owner: string): Promise<void>;
  /** Takes the owner away, if it is this one. A second call changes nothing. */
  release(id: SecretId, owner: string): Promise<void>;
  /**
   * Keeps a text that a step has made (a kubeconfig) for its owner, under a name. A second call with the same owner and
   * name replaces the text and returns the same id. It goes with its owner.
   */
  keep(place: { readonly owner: string; readonly name: string }, text: string): Promise<SecretId>;
  /**
   * Puts another text in the place of one that was revealed before; the secret keeps its owner. False, and nothing is
   * changed, when another text has taken that place meanwhile or the secret is gone.
   */
  renew(id: SecretId, text: { readonly from: string; readonly to: string }): Promise<boolean>;
  /** Destroys the secret. A missing one is a success. */
  forget(id: SecretId): Promise<void>;
  /** Destroys what has expired; returns how many. */
  sweep(): Promise<number>;
}

export function openSecrets(
  database: Database,
  cipher: Cipher,
  { clock, ids }: { readonly clock: Pick<Clock, "now">; readonly ids: Pick<Ids, "secret"> },
): SecretStore {
  const { query } = database;
  const sealedOf = async (id: SecretId): Promise<Uint8Array | null> => {
    const rows = await query<{ sealed: Uint8Array }>("select sealed from secrets where id = $1", [
      id,
    ]);
    return rows[0]?.sealed ?? null;
  };
  return {
    async reveal(id) {
      const sealed = await sealedOf(id);
      if (sealed === null) {
        throw new Failure(
          "NOT_FOUND",
          `the secret ${id} is no longer stored; register the credentials again`,
        );
      }
      try {
        return cipher.open(sealed);
      } catch (cause) {
        throw new Failure(
          "INTERNAL_ERROR",
          `the secret ${id} was sealed with another MILLWRIGHT_SECRET_KEY than this process has`,
          { cause },
        );
      }
    },
    async adopt(id, owner) {
      // When its run ended is not said twice: without it, nothing would end the secret once it is released.
      const rows = await query("update secrets set owner = $2 where id = $1 returning id", [
        id,
        owner,
      ]);
      if (rows.length === 0) throw new Failure("NOT_FOUND", `the secret ${id} is no longer stored`);
    },
    async release(id, owner) {
      await query("update secrets set owner = null where id = $1 and owner = $2", [id, owner]);
    },
    async keep({ owner, name }, text) {
      const at = new Date(clock.now());
      // No run brought it, so without its owner it has expired.
      const rows = await query<{ id: SecretId }>(
        `insert into secrets (id, sealed, owner, name, created_at, expires_at) values ($1, $2, $3, $4, $5, $5)
          on conflict (owner, name) where name is not null do update set sealed = excluded.sealed
          returning id`,
        [ids.secret(), cipher.seal(text), owner, name, at],
      );
      const [row] = rows;
      if (row === undefined) throw new Failure("INTERNAL_ERROR", "a secret was not kept");
      return row.id;
    },
    async renew(id, { from, to }) {
      const sealed = await sealedOf(id);
      if (sealed === null || cipher.open(sealed) !== from) return false;
      const rows = await query(
        "update secrets set sealed = $3 where id = $1 and sealed = $2 returning id",
        [id, sealed, cipher.seal(to)],
      );
      return rows.length > 0;
    },
    async forget(id) {
      await query("delete from secrets where id = $1", [id]);
    },
    async sweep() {
      const rows = await query(
        "delete from secrets where owner is null and expires_at < $1 returning id",
        [new Date(clock.now())],
      );
      return rows.length;
    },
  };
}
