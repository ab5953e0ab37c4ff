import type { SecretId } from "#contract/ids.ts";
import type { BmcPort, BmcRef } from "#drivers/ports.ts";
import type { Timeouts } from "#drivers/redfish/options.ts";
import type { Log } from "#platform/log.ts";
import { createRedfish } from "#drivers/redfish/redfish.ts";
import { createGate } from "#drivers/redfish/wire/gate.ts";
import { createMemorySessionStore } from "#drivers/redfish/wire/session-store.ts";
import { createTestClock, type TestClock } from "./test-clock.ts";

export const account: SecretId = "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
export const credentials = { username: "operator", password: "sesame-4711" };

export interface TestDriver {
  readonly bmcs: BmcPort & { close(): Promise<void> };
  readonly clock: TestClock;
  readonly sessions: ReturnType<typeof createMemorySessionStore>;
  /** Everything that was logged, as JSON: secrets must not be in it. */
  readonly logged: string[];
}

export interface TestDriverOptions {
  readonly timeouts?: Partial<Timeouts>;
  readonly sessions?: ReturnType<typeof createMemorySessionStore>;
  readonly slots?: number;
}

/** The driver with a clock that does not wait, and idle sessions that last until a test lets time pass. */
export const createTestDriver = (options: TestDriverOptions = {}): TestDriver => {
  const clock = createTestClock();
  const sessions = options.sessions ?? createMemorySessionStore();
  const logged: string[] = [];
  const log: Log = (level, event, fields) => {
    logged.push(JSON.stringify({ level, event, ...fields }));
  };
  const random = (): number => 0.5;
  const bmcs = createRedfish({
    reveal: () => Promise.resolve(credentials),
    sessions,
    sharesSessions: true,
    gate: createGate({ slots: options.slots ?? 1, locks: null, clock, random }),
    clock,
    random,
    log,
    timeouts: {
      connectMs: 5000,
      readMs: 5000,
      idleSessionMs: 2_000_000,
      ...options.timeouts,
    },
  });
  return { bmcs, clock, sessions, logged };
};

export const refTo = (address: string, tls: BmcRef["tls"] = { mode: "insecure" }): BmcRef => ({
  address,
  credentials: account,
  tls,
});

export const reading = (): { readonly signal: AbortSignal } => ({
  signal: AbortSignal.timeout(30_000),
});

export const writing = (key = "run_1/step") => ({ ...reading(), key });
