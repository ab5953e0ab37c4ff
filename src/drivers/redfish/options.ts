import type { SecretId } from "#contract/ids.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import type { BmcGate } from "./wire/gate.ts";
import type { SessionStore } from "./wire/session-store.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Timeouts {
  /** From the first packet to the end of the TLS handshake. */
  readonly connectMs: number;
  /** From the request to the last byte of the answer: BIOS settings can hold an answer for most of it. */
  readonly readMs: number;
  /** How long a session may stay unused before it is ended. */
  readonly idleSessionMs: number;
  /** How long a call may wait for its turn at a BMC. */
  readonly turnMs: number;
}

export const defaultTimeouts: Timeouts = {
  connectMs: 30_000,
  readMs: 60_000,
  idleSessionMs: 30_000,
  turnMs: 600_000,
};

/** Everything that the driver takes from outside: no clock, chance, store or secret of its own. */
export interface RedfishOptions {
  readonly reveal: (secret: SecretId) => Promise<Credentials>;
  readonly sessions: SessionStore;
  /** Whether other processes may be using the stored sessions: they then outlive this one. */
  readonly sharesSessions: boolean;
  readonly gate: BmcGate;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Never given a secret. */
  readonly log: Log;
  readonly timeouts?: Partial<Timeouts>;
}

/** The largest body that is read; a whole expanded collection of a big machine is below 2 MB. */
export const maxBodyBytes = 16 * 1024 * 1024;
