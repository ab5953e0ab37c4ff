/** An open Redfish session. */
export interface Session {
  readonly id: string;
  readonly token: string;
  readonly username: string;
  readonly createdAt: number;
  readonly usedAt: number;
}

export interface SessionLimits {
  readonly limit: number;
  readonly timeoutS: number;
  readonly lockout: { readonly threshold: number; readonly seconds: number } | null;
}

/**
 * The sessions and failed logins of one BMC. They live in its memory only: a restart forgets them, and an idle one
 * ends after the time that the payload names, in real seconds at any speed of the lab.
 */
export class Sessions {
  readonly #limits: SessionLimits;
  readonly #clock: () => number;
  readonly #newToken: () => string;
  readonly #byToken = new Map<string, Session>();
  readonly #failures = new Map<string, { count: number; lastAt: number }>();
  #count = 0;

  constructor(
    limits: SessionLimits,
    ports: { readonly clock: () => number; readonly newToken: () => string },
  ) {
    this.#limits = limits;
    this.#clock = ports.clock;
    this.#newToken = ports.newToken;
  }

  /** Undefined when as many as this BMC allows are open. */
  open(username: string): Session | undefined {
    if (this.list().length >= this.#limits.limit) return undefined;
    this.#count += 1;
    const now = this.#clock();
    const session = {
      id: String(this.#count),
      token: this.#newToken(),
      username,
      createdAt: now,
      usedAt: now,
    };
    this.#byToken.set(session.token, session);
    return session;
  }

  /** The session of a token, whose idle time starts again. */
  use(token: string): Session | undefined {
    this.#dropIdle();
    const session = this.#byToken.get(token);
    if (session === undefined) return undefined;
    const used = { ...session, usedAt: this.#clock() };
    this.#byToken.set(token, used);
    return used;
  }

  /** False when there is no such session. */
  close(id: string): boolean {
    const session = this.list().find((candidate) => candidate.id === id);
    return session !== undefined && this.#byToken.delete(session.token);
  }

  list(): readonly Session[] {
    this.#dropIdle();
    return [...this.#byToken.values()];
  }

  forgetAll(): void {
    this.#byToken.clear();
    this.#failures.clear();
  }

  /** True while too many failed logins keep even the right password out. */
  isLocked(username: string): boolean {
    const failures = this.#failures.get(username);
    const { lockout } = this.#limits;
    if (failures === undefined || lockout === null) return false;
    if (this.#clock() - failures.lastAt >= lockout.seconds * 1000) {
      this.#failures.delete(username);
      return false;
    }
    return failures.count >= lockout.threshold;
  }

  noteLogin(username: string, wasRight: boolean): void {
    if (wasRight) {
      this.#failures.delete(username);
      return;
    }
    const count = (this.#failures.get(username)?.count ?? 0) + 1;
    this.#failures.set(username, { count, lastAt: this.#clock() });
  }

  #dropIdle(): void {
    const oldest = this.#clock() - this.#limits.timeoutS * 1000;
    for (const session of this.#byToken.values()) {
      if (session.usedAt < oldest) this.#byToken.delete(session.token);
    }
  }
}
