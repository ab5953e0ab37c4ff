import type { SessionStore } from "#drivers/redfish/wire/session-store.ts";
import type { Database } from "#platform/database.ts";

/**
 * A database and the sessions in it as one process sees them that may be killed: from its death on nothing of what the
 * process asks reaches them, so that it leaves its leases, its sessions and its half-done work behind, as `kill -9` does.
 */
export interface Mortal {
  readonly database: Database;
  readonly sessions: SessionStore;
  die(): void;
}

export function mortal(database: Database, sessions: SessionStore): Mortal {
  let isDead = false;
  const alive = (): void => {
    if (isDead) throw new Error("this process is dead");
  };
  return {
    die() {
      isDead = true;
    },
    sessions: {
      find: async (bmc, account) => {
        alive();
        return sessions.find(bmc, account);
      },
      keep: async (session, replaced) => {
        alive();
        return sessions.keep(session, replaced);
      },
      touch: async (session, atMs) => {
        alive();
        return sessions.touch(session, atMs);
      },
      forget: async (session) => {
        alive();
        return sessions.forget(session);
      },
      takeIdle: async (beforeMs) => {
        alive();
        return sessions.takeIdle(beforeMs);
      },
    },
    database: {
      kind: database.kind,
      shared: database.shared,
      query: async (sql, params) => {
        alive();
        return database.query(sql, params);
      },
      transaction: async (work) => {
        alive();
        return database.transaction(async (query) => {
          const result = await work(query);
          alive();
          return result;
        });
      },
      script: async (sql) => {
        alive();
        return database.script(sql);
      },
      listen: (channel, onNotify) => database.listen(channel, onNotify),
      tryLock: async (name) => {
        alive();
        return database.tryLock(name);
      },
      close: async () => undefined,
    },
  };
}
