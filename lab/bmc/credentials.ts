import { Buffer } from "node:buffer";
import type { Call } from "./call.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * True when an enabled account has this password and is not locked out. Every try counts towards the lockout, as it
 * does on the real thing, where careless clients lock accounts this way.
 */
export function checkPassword(
  login: Pick<Call, "machine" | "sessions" | "traits"> & Credentials,
): boolean {
  const { machine, sessions, traits, username, password } = login;
  if (sessions.isLocked(username)) return false;
  const account = machine.accounts.find((candidate) => candidate.username === username);
  const isRight =
    account?.enabled === true && account.password === password && !traits.hasBadPassword;
  sessions.noteLogin(username, isRight);
  return isRight;
}

/** Reads `Authorization: Basic …`, undefined when it is none. */
export function basicCredentials(header: string | undefined): Credentials | undefined {
  if (header === undefined || !/^basic /i.test(header)) return undefined;
  const text = Buffer.from(header.slice("basic ".length), "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon === -1
    ? undefined
    : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
