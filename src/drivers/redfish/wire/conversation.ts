import { Failure } from "#contract/failures.ts";
import type { BmcRef } from "#drivers/ports.ts";
import { originOf, targetOf, type Origin } from "#drivers/redfish/address.ts";
import { Facts, type OnOddity } from "#drivers/redfish/facts.ts";
import type { Credentials, RedfishOptions, Timeouts } from "#drivers/redfish/options.ts";
import { longestPauseMs, pauseBeforeNext } from "#drivers/redfish/patience.ts";
import { codesIn, mustChangePassword, refusal } from "#drivers/redfish/refusal.ts";
import { factsOf, type Method, type Reply } from "#drivers/redfish/reply.ts";
import { readRoot, type Root } from "#drivers/redfish/root.ts";
import { Line, type Request } from "./line.ts";
import type { BmcSession } from "./session-store.ts";
import type { Memory } from "./memory.ts";
import { headersOf, type Pass, type Sessions } from "./sessions.ts";
import { TurnHolder } from "./turn-holder.ts";
import { Veil } from "./veil.ts";

export interface ConversationOptions {
  readonly driver: RedfishOptions;
  readonly timeouts: Timeouts;
  readonly sessions: Sessions;
  readonly memory: Memory;
  readonly bmc: BmcRef;
  readonly signal: AbortSignal;
  /** `<run>/<step>` of a writing verb. */
  readonly key: string | null;
}

/** An optional resource: what it says (`reply` is null when it came inside another one), or why it could not be read. */
export type Look =
  | { readonly kind: "found"; readonly facts: Facts; readonly reply: Reply | null }
  | { readonly kind: "missing"; readonly reason: string; readonly status: number | null };

export interface WriteRules {
  /**
   * Asked before a write that was refused for now is repeated: true when what it was to bring about is so by
   * now. A failure in it counts as "not yet".
   */
  readonly settled?: () => Promise<boolean>;
  readonly repeatOnServerError?: boolean;
}

const rootLivesMs = 600_000;

/**
 * One operation's talk with one BMC: one connection, one session, one call at a time, under the gate. It holds
 * no state of the verb; `close` must be called at its end, whatever happened.
 */
export class Conversation {
  readonly origin: Origin;
  readonly bmc: BmcRef;
  readonly memory: Memory;
  readonly #options: ConversationOptions;
  readonly #line: Line;
  readonly #oddities = new Set<string>();
  readonly #veil = new Veil();
  readonly #turns: TurnHolder;
  #pass: Pass | null = null;
  #touchedAtMs = 0;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.bmc = options.bmc;
    this.memory = options.memory;
    this.origin = originOf(options.bmc.address);
    this.#line = new Line({
      origin: this.origin,
      tls: options.bmc.tls,
      timeouts: options.timeouts,
      log: options.driver.log,
      signal: options.signal,
    });
    this.#turns = new TurnHolder({
      gate: options.driver.gate,
      clock: options.driver.clock,
      bmc: this.origin.name,
      withinMs: options.timeouts.turnMs,
      signal: options.signal,
    });
  }

  get fingerprint256(): string | null {
    return this.#line.fingerprint256;
  }

  get auth(): "session" | "basic" {
    return this.#pass?.kind ?? "basic";
  }

  get oddities(): readonly string[] {
    return [...this.#oddities];
  }

  readonly onOddity: OnOddity = (sentence) => {
    if (this.#oddities.size < 100) this.#oddities.add(sentence);
  };

  now(): number {
    return this.#options.driver.clock.now();
  }

  log(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.driver.log("info", event, { bmc: this.origin.name, ...fields });
  }

  /** From now on `text` is shown as `instead` in every failure of this operation. */
  hide(text: string, instead: string): void {
    this.#veil.hide(text, instead);
  }

  /** Pauses without keeping others from the BMC. */
  async sleep(ms: number): Promise<void> {
    await this.#turns.release();
    const { clock } = this.#options.driver;
    try {
      await clock.sleep(Math.max(0, ms), this.#options.signal);
    } catch (error) {
      throw this.#stopped(error);
    }
  }

  /** The service root, which needs no credentials; remembered for a while. */
  async root(fresh = false): Promise<Root> {
    const { memory } = this;
    if (!fresh && memory.root !== null && this.now() - memory.rootReadAtMs < rootLivesMs) {
      return memory.root;
    }
    memory.root = readRoot(
      await this.#patiently({ method: "GET", target: "/redfish/v1/" }, {}, "open"),
    );
    memory.rootReadAtMs = this.now();
    return memory.root;
  }

  /** A resource that must be there. Throws what its refusal stands for. */
  async get(link: string): Promise<Facts> {
    return factsOf(await this.getReply(link), this.onOddity);
  }

  async getReply(link: string): Promise<Reply> {
    const reply = await this.#answer({ method: "GET", target: targetOf(link) }, {});
    if (reply.status >= 400) throw this.refuse(reply);
    return reply;
  }

  /** Any answer to a GET, refusals included: for resources whose absence means something (tasks). */
  ask(link: string): Promise<Reply> {
    return this.#answer({ method: "GET", target: targetOf(link) }, {});
  }

  /**
   * A resource that may be missing, forbidden or broken without ending the whole: only a lost connection,
   * refused credentials and an abort are thrown.
   */
  async look(link: string | null): Promise<Look> {
    if (link === null) return { kind: "missing", reason: "not offered", status: null };
    const reply = await this.#answer({ method: "GET", target: targetOf(link) }, {});
    if (reply.status < 400 && typeof reply.body === "object" && reply.body !== null) {
      return { kind: "found", facts: new Facts(reply.path, reply.body, this.onOddity), reply };
    }
    const [code] = codesIn(reply);
    const reason =
      reply.status < 400
        ? "an answer that is no JSON object"
        : `${reply.status}${code === undefined ? "" : ` ${code}`}`;
    return { kind: "missing", reason, status: reply.status };
  }

  /** A write that must succeed; null when `settled` said that it is no longer needed. */
  async write(
    request: Request & { readonly method: Method },
    rules: WriteRules = {},
  ): Promise<Reply | null> {
    const reply = await this.tryWrite(request, rules);
    if (reply !== null && reply.status >= 400) throw this.refuse(reply);
    return reply;
  }

  /** As `write`, but a refusal is an answer: for ladders that try another form next. */
  async tryWrite(request: Request, rules: WriteRules = {}): Promise<Reply | null> {
    const { key } = this.#options;
    const headers = { ...(key === null ? {} : { "Idempotency-Key": key }), ...request.headers };
    return this.#patiently({ ...request, target: targetOf(request.target), headers }, rules);
  }

  /** POST to an action; without parameters the body is `{}`, because iLO and iDRAC refuse an empty one. */
  post(target: string, body: object = {}, rules: WriteRules = {}): Promise<Reply | null> {
    return this.write({ method: "POST", target, body }, rules);
  }

  refuse(reply: Reply): Failure {
    return this.veil(refusal(reply, this.now()));
  }

  /** The failure without what is hidden: for one that repeats a BMC's words and is no refusal. */
  veil(failure: Failure): Failure {
    return this.#veil.over(failure);
  }

  /** Forgets the session without ending it: the BMC that held it restarts. */
  async dropSession(): Promise<void> {
    const pass = this.#pass;
    this.#pass = null;
    if (pass?.kind === "session") await this.#options.driver.sessions.forget(pass.session);
  }

  /** Ends the session that is kept for this BMC, if there is one. */
  async endSession(session: BmcSession): Promise<void> {
    await this.#enter();
    await this.#options.sessions.end(this.#line, session);
  }

  /** Never throws: what the verb has done stands, whatever becomes of the bookkeeping. */
  async close(): Promise<void> {
    try {
      await this.#turns.release();
      if (this.#pass?.kind === "session") await this.#touch(this.#pass.session, 0);
    } catch (error) {
      this.#options.driver.log("warn", "bmc.close-failed", { error: String(error) });
    } finally {
      this.#line.close();
    }
  }

  async #answer(request: Request, rules: WriteRules): Promise<Reply> {
    const reply = await this.#patiently(request, rules);
    // Without a `settled` rule there is always an answer.
    if (reply === null) throw new Error("a read cannot be settled");
    if (reply.status === 401 || mustChangePassword(reply)) throw this.refuse(reply);
    return reply;
  }

  #patiently(request: Request, rules: WriteRules, auth: "open"): Promise<Reply>;
  #patiently(request: Request, rules: WriteRules): Promise<Reply | null>;
  async #patiently(request: Request, rules: WriteRules, auth?: "open"): Promise<Reply | null> {
    const { random, log } = this.#options.driver;
    const asked = {
      method: request.method,
      repeatOnServerError: rules.repeatOnServerError ?? false,
    };
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#once(request, auth === "open").catch((error: unknown) => {
        if (error instanceof Failure) return error;
        throw error;
      });
      const pauseMs = pauseBeforeNext(asked, outcome, { tries, nowMs: this.now(), random });
      if (pauseMs === null) {
        if (outcome instanceof Failure) throw this.#veil.over(outcome);
        return outcome;
      }
      log("info", "bmc.again", {
        bmc: this.origin.name,
        method: request.method,
        path: request.target,
        because: outcome instanceof Failure ? outcome.code : outcome.status,
        pauseMs,
      });
      if (pauseMs > 0) await this.sleep(Math.min(pauseMs, longestPauseMs));
      if (rules.settled !== undefined && (await isSettled(rules.settled))) return null;
    }
  }

  async #once(request: Request, open: boolean): Promise<Reply> {
    if (open) {
      await this.#enter();
      return this.#line.send(request);
    }
    // The root is read before the turn is taken for good: it says where sessions are opened.
    const root = await this.root();
    await this.#enter();
    const pass = this.#pass ?? (this.#pass = await this.#obtain(root, null));
    const reply = await this.#send(request, pass);
    if (reply.status !== 401) return this.#note(pass, reply);
    if (pass.kind === "basic") {
      if (pass.because !== "no-room") return reply;
      throw new Failure("BMC_BUSY", "the BMC has no room for a session and refuses to do without", {
        details: { status: 401, path: reply.path, reason: "out-of-sessions" },
      });
    }
    // A token that is refused has expired: log in once and repeat the call once.
    this.#pass = await this.#obtain(root, pass.session);
    return this.#note(this.#pass, await this.#send(request, this.#pass));
  }

  #send(request: Request, pass: Pass): Promise<Reply> {
    return this.#line.send({ ...request, headers: { ...request.headers, ...headersOf(pass) } });
  }

  async #note(pass: Pass, reply: Reply): Promise<Reply> {
    if (pass.kind === "session" && reply.status !== 401) {
      this.memory.hadSession = true;
      await this.#touch(pass.session, Math.min(10_000, this.#options.timeouts.idleSessionMs / 3));
    }
    return reply;
  }

  async #obtain(root: Root, refused: BmcSession | null): Promise<Pass> {
    const { driver, sessions } = this.#options;
    const kept = await driver.sessions.find(this.origin.name, this.bmc.credentials);
    if (kept !== null && kept.token !== refused?.token) return { kind: "session", session: kept };
    if (refused !== null) await sessions.end(this.#line, refused);
    const credentials = await this.#reveal();
    const pass = await sessions.login({
      bmc: this.bmc,
      name: this.origin.name,
      line: this.#line,
      collection: this.memory.basicOnly ? null : root.sessions,
      credentials,
      replaced: kept,
      hadSession: this.memory.hadSession,
    });
    if (pass.kind === "basic" && pass.because === "no-endpoint") this.memory.basicOnly = true;
    return pass;
  }

  async #reveal(): Promise<Credentials> {
    const credentials = await this.#options.driver.reveal(this.bmc.credentials);
    this.hide(credentials.password, "…");
    return credentials;
  }

  async #touch(session: BmcSession, afterMs: number): Promise<void> {
    const now = this.now();
    if (now - this.#touchedAtMs < afterMs) return;
    this.#touchedAtMs = now;
    await this.#options.driver.sessions.touch(session, now);
  }

  async #enter(): Promise<void> {
    try {
      await this.#turns.take();
    } catch (error) {
      throw this.#stopped(error);
    }
  }

  #stopped(error: unknown): unknown {
    return this.#options.signal.aborted
      ? new Failure("BMC_CONNECTION_FAILED", "the call to the BMC was stopped", {
          details: { address: this.origin.name, reason: "aborted" },
          cause: error,
        })
      : error;
  }
}

const isSettled = async (settled: () => Promise<boolean>): Promise<boolean> => {
  try {
    return await settled();
  } catch (error) {
    if (error instanceof Failure && error.details?.["reason"] !== "aborted") return false;
    throw error;
  }
};
