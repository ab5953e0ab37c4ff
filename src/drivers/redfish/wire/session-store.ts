import { createHash } from "node:crypto";
import type { SecretId } from "#contract/ids.ts";
import type { BmcRef } from "#drivers/ports.ts";

/**
 * A session that we opened at a BMC. There is one per BMC and account, shared by every process and step, and it
 * is written down with all that is needed to end it, so that a process that died leaves none behind: BMCs take
 * 8 to 16 sessions, shared with the people who use their web pages.
 */
export interface BmcSession {
  /** The BMC's canonical origin. */
  readonly bmc: string;
  readonly account: SecretId;
  /** Where it can be ended; null when the service did not say. */
  readonly uri: string | null;
  readonly token: string;
  readonly tls: BmcRef["tls"];
  readonly usedAtMs: number;
}

export interface SessionStore {
  find(bmc: string, account: SecretId): Promise<BmcSession | null>;
  /**
   * Writes `session` down in the place of `replaced` (null: in an empty place) and answers the session that
   * now counts. When another process was faster, that is its session, and the caller ends its own.
   */
  keep(session: BmcSession, replaced: BmcSession | null): Promise<BmcSession>;
  /** Notes that the session was used. A session that is gone is left gone. */
  touch(session: BmcSession, atMs: number): Promise<void>;
  /** Forgets exactly this session; false when it was replaced or forgotten before. */
  forget(session: BmcSession): Promise<boolean>;
  /** Takes out the sessions last used before `beforeMs`, each for one caller only, to be ended by it. */
  takeIdle(beforeMs: number): Promise<readonly BmcSession[]>;
}

/** Tells one session from its successor without showing the token. */
export const markOf = (session: BmcSession): string =>
  createHash("sha256").update(session.token).digest("hex").slice(0, 16);

/** For tests and for a process that shares its BMCs with no other. */
export const createMemorySessionStore = (): SessionStore & { all(): readonly BmcSession[] } => {
  const held = new Map<string, BmcSession>();
  const keyOf = (session: Pick<BmcSession, "bmc" | "account">): string =>
    `${session.bmc} ${session.account}`;
  const isHeld = (session: BmcSession): boolean => {
    const found = held.get(keyOf(session));
    return found !== undefined && markOf(found) === markOf(session);
  };
  return {
    all: () => [...held.values()],
    find: (bmc, account) => Promise.resolve(held.get(keyOf({ bmc, account })) ?? null),
    keep: (session, replaced) => {
      const found = held.get(keyOf(session));
      if (found !== undefined && (replaced === null || markOf(found) !== markOf(replaced))) {
        return Promise.resolve(found);
      }
      held.set(keyOf(session), session);
      return Promise.resolve(session);
    },
    touch: (session, atMs) => {
      if (isHeld(session)) held.set(keyOf(session), { ...session, usedAtMs: atMs });
      return Promise.resolve();
    },
    forget: (session) => Promise.resolve(isHeld(session) && held.delete(keyOf(session))),
    takeIdle: (beforeMs) => {
      const idle = [...held.values()].filter((session) => session.usedAtMs < beforeMs);
      for (const session of idle) held.delete(keyOf(session));
      return Promise.resolve(idle);
    },
  };
};
