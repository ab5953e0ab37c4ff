import { SecretId } from "#contract/ids.ts";
import type { BmcRef } from "#drivers/ports.ts";
import type { Cipher } from "#platform/cipher.ts";
import type { Database } from "#platform/database.ts";
import { type BmcSession, markOf, type SessionStore } from "./session-store.ts";

interface Row {
  readonly bmc: string;
  readonly account: string;
  readonly uri: string | null;
  readonly token: Uint8Array;
  readonly tls_mode: string;
  readonly tls_fingerprint: string | null;
  readonly used_at: Date;
}

const columns = "bmc, account, uri, token, tls_mode, tls_fingerprint, used_at";

const modeOf = (text: string): BmcRef["tls"]["mode"] =>
  text === "ca" || text === "insecure" ? text : "pin";

/**
 * Sessions in the table `bmc_sessions`, shared by all processes on the database. The token is sealed: while
 * its session lives it is as good as a password.
 */
export const createSessionTable = (
  database: Pick<Database, "query">,
  cipher: Pick<Cipher, "seal" | "open">,
): SessionStore => {
  /** Null when the row was sealed under a key that is no longer known: nobody can use or end it. */
  const sessionOf = (row: Row): BmcSession | null => {
    try {
      return {
        bmc: row.bmc,
        account: SecretId.parse(row.account),
        uri: row.uri,
        token: cipher.open(row.token),
        tls: {
          mode: modeOf(row.tls_mode),
          ...(row.tls_fingerprint === null ? {} : { fingerprint256: row.tls_fingerprint }),
        },
        usedAtMs: row.used_at.getTime(),
      };
    } catch {
      return null;
    }
  };

  const find = async (bmc: string, account: string): Promise<BmcSession | null> => {
    const [row] = await database.query<Row>(
      `select ${columns} from bmc_sessions where bmc = $1 and account = $2`,
      [bmc, account],
    );
    if (row === undefined) return null;
    const session = sessionOf(row);
    if (session === null) {
      await database.query(
        "delete from bmc_sessions where bmc = $1 and account = $2 and token = $3",
        [bmc, account, row.token],
      );
    }
    return session;
  };

  return {
    find,
    async keep(session, replaced) {
      const [kept] = await database.query(
        `insert into bmc_sessions (bmc, account, mark, uri, token, tls_mode, tls_fingerprint, used_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (bmc, account) do update
           set mark = excluded.mark, uri = excluded.uri, token = excluded.token,
               tls_mode = excluded.tls_mode, tls_fingerprint = excluded.tls_fingerprint,
               used_at = excluded.used_at
           where bmc_sessions.mark = $9
         returning mark`,
        [
          session.bmc,
          session.account,
          markOf(session),
          session.uri,
          cipher.seal(session.token),
          session.tls.mode,
          session.tls.fingerprint256 ?? null,
          new Date(session.usedAtMs),
          replaced === null ? "" : markOf(replaced),
        ],
      );
      if (kept !== undefined) return session;
      // The other's session may have ended between the two statements; ours is then as good as any.
      return (await find(session.bmc, session.account)) ?? session;
    },
    async touch(session, atMs) {
      await database.query(
        "update bmc_sessions set used_at = greatest(used_at, $4) where bmc = $1 and account = $2 and mark = $3",
        [session.bmc, session.account, markOf(session), new Date(atMs)],
      );
    },
    async forget(session) {
      const rows = await database.query(
        "delete from bmc_sessions where bmc = $1 and account = $2 and mark = $3 returning bmc",
        [session.bmc, session.account, markOf(session)],
      );
      return rows.length > 0;
    },
    async takeIdle(beforeMs) {
      const rows = await database.query<Row>(
        `delete from bmc_sessions where used_at < $1 returning ${columns}`,
        [new Date(beforeMs)],
      );
      return rows.flatMap((row) => sessionOf(row) ?? []);
    },
  };
};
