import { Failure } from "#contract/failures.ts";
import type { BmcRef } from "#drivers/ports.ts";
import { targetOf } from "#drivers/redfish/address.ts";
import { Facts } from "#drivers/redfish/facts.ts";
import type { Credentials } from "#drivers/redfish/options.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import { isOutOfSessions, mustChangePassword, refusal } from "#drivers/redfish/refusal.ts";
import { header, type Reply } from "#drivers/redfish/reply.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { Line } from "./line.ts";
import type { BmcSession, SessionStore } from "./session-store.ts";

/**
 * How a call shows who it is.
 *
 *   none ──▶ stored session ──401──▶ log in ──201──▶ session
 *                                       │ 404/405/501 ──▶ basic (this service has no sessions)
 *                                       │ out of sessions ──▶ basic, for this operation
 *                                       │ 401, 403 ──▶ BMC_AUTH_FAILED, final: BMCs lock accounts
 */
export type Pass =
  | { readonly kind: "session"; readonly session: BmcSession }
  | {
      readonly kind: "basic";
      readonly header: string;
      readonly because: "no-endpoint" | "no-room";
    };

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly log: Log;
  /** BMCs whose sessions that could not be ended are kept in mind. */
  readonly most: number;
}

export interface LoginAt {
  readonly bmc: BmcRef;
  readonly name: string;
  readonly line: Line;
  /** The session collection, null when the service root names none. */
  readonly collection: string | null;
  readonly credentials: Credentials;
  /** The session that this login replaces. */
  readonly replaced: BmcSession | null;
  /** True after a session has worked with this BMC: then its endpoint exists, whatever it answers now. */
  readonly hadSession: boolean;
}

const noEndpoint = new Set([404, 405, 501]);

export const headersOf = (pass: Pass): Record<string, string> =>
  pass.kind === "session" ? { "X-Auth-Token": pass.session.token } : { Authorization: pass.header };

const basic = ({ username, password }: Credentials, because: "no-endpoint" | "no-room"): Pass => ({
  kind: "basic",
  header: `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`,
  because,
});

/** The session's own path: Location (absolute, relative or absent), else the body's `@odata.id`. */
const uriOf = (reply: Reply): string | null => {
  const location = header(reply, "location");
  if (location !== null) return targetOf(location);
  const id = typeof reply.body === "object" ? new Facts(reply.path, reply.body).id() : null;
  return id === null ? null : targetOf(id);
};

export const createSessions = ({ store, clock, log, most }: SessionsOptions) => {
  /** Sessions whose end failed; they are ended first when a BMC is out of room. */
  const leftovers = new BoundedMap<BmcSession[]>(most);

  /** Ends a session at the BMC. Never throws: one that cannot be ended times out there, and is kept in mind. */
  const end = async (line: Line, session: BmcSession): Promise<void> => {
    if (session.uri === null) return;
    try {
      const reply = await line.send({
        method: "DELETE",
        target: session.uri,
        headers: { "X-Auth-Token": session.token },
      });
      // 401 and 404 say that it is gone already.
      if (reply.status < 400 || reply.status === 401 || reply.status === 404) return;
      log("warn", "bmc.logout-refused", { bmc: session.bmc, status: reply.status });
    } catch (error) {
      log("warn", "bmc.logout-failed", { bmc: session.bmc, code: codeOf(error) });
    }
    const kept = leftovers.get(session.bmc) ?? [];
    leftovers.set(session.bmc, [...kept, session].slice(-16));
  };

  const endLeftovers = async (line: Line, name: string): Promise<boolean> => {
    const sessions = leftovers.get(name) ?? [];
    leftovers.delete(name);
    for (const session of sessions) await end(line, session);
    return sessions.length > 0;
  };

  const ask = (at: LoginAt, collection: string): Promise<Reply> =>
    at.line.send({
      method: "POST",
      target: targetOf(collection),
      body: { UserName: at.credentials.username, Password: at.credentials.password },
    });

  const accept = async (at: LoginAt, reply: Reply): Promise<Pass> => {
    const token = header(reply, "x-auth-token");
    if (token === null) {
      throw new Failure("BMC_INVALID_RESPONSE", "the BMC opened a session but gave no token", {
        details: { status: reply.status, path: reply.path },
      });
    }
    const session: BmcSession = {
      bmc: at.name,
      account: at.bmc.credentials,
      uri: uriOf(reply),
      token,
      tls: pinOf(at),
      usedAtMs: clock.now(),
    };
    if (mustChangePassword(reply)) {
      await end(at.line, session);
      throw refusal({ ...reply, status: 403 }, clock.now());
    }
    let counts: BmcSession;
    try {
      counts = await store.keep(session, at.replaced);
    } catch (error) {
      // A session that is written down nowhere would be ended by nobody.
      await end(at.line, session);
      throw error;
    }
    if (counts.token !== token) await end(at.line, session);
    return { kind: "session", session: counts };
  };

  return {
    end,

    /** Opens a session, or says that Basic must do. Throws BMC_AUTH_FAILED, BMC_BUSY, and what a call throws. */
    async login(at: LoginAt): Promise<Pass> {
      if (at.collection === null) return basic(at.credentials, "no-endpoint");
      let reply = await ask(at, at.collection);
      if (isOutOfSessions(reply) && (await endLeftovers(at.line, at.name))) {
        reply = await ask(at, at.collection);
      }
      if (reply.status < 300) return accept(at, reply);
      if (isOutOfSessions(reply)) {
        log("warn", "bmc.out-of-sessions", { bmc: at.name });
        return basic(at.credentials, "no-room");
      }
      if (noEndpoint.has(reply.status) && !at.hadSession) {
        return basic(at.credentials, "no-endpoint");
      }
      throw refusal(reply, clock.now());
    },
  };
};

export type Sessions = ReturnType<typeof createSessions>;

/** Without a pin the certificate seen now is the one that may see the token again. */
const pinOf = (at: LoginAt): BmcRef["tls"] => {
  const seen = at.line.fingerprint256;
  return at.bmc.tls.mode === "pin" && at.bmc.tls.fingerprint256 === undefined && seen !== null
    ? { mode: "pin", fingerprint256: seen }
    : at.bmc.tls;
};

const codeOf = (error: unknown): string => (error instanceof Failure ? error.code : "unexpected");
