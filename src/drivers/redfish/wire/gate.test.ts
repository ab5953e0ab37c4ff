import { describe, expect, it } from "vitest";
import { createTestClock } from "#drivers/redfish/testing/test-clock.ts";
import { failureOf } from "#drivers/redfish/testing/with-bmc.ts";
import { createGate, type Turn } from "./gate.ts";

/** Named locks of one database, as several processes see them. */
const createLocks = () => {
  const held = new Set<string>();
  return {
    held,
    tryLock: (name: string) => {
      if (held.has(name)) return Promise.resolve(null);
      held.add(name);
      return Promise.resolve(() => {
        held.delete(name);
        return Promise.resolve();
      });
    },
  };
};

const gateOf = (slots: number, locks: ReturnType<typeof createLocks> | null) =>
  createGate({ slots, locks, clock: createTestClock(), random: () => 0.4 });

const patient = { signal: new AbortController().signal, withinMs: 10_000 };

describe("the gate of a BMC", () => {
  it("lets in as many as it has slots, first come first served", async () => {
    const gate = gateOf(2, null);
    const order: string[] = [];
    const first = await gate.enter("a", patient);
    await gate.enter("a", patient);
    const waiting = ["third", "fourth"].map(async (name) => {
      const turn = await gate.enter("a", patient);
      order.push(name);
      await turn.release();
    });
    expect(gate.contended("a")).toBe(true);
    expect(gate.contended("b")).toBe(false);
    expect(order).toEqual([]);
    await first.release();
    await Promise.all(waiting);
    expect(order).toEqual(["third", "fourth"]);
  });

  it("does not count a release twice", async () => {
    const gate = gateOf(1, null);
    const turn = await gate.enter("a", patient);
    await turn.release();
    await turn.release();
    await gate.enter("a", patient);
    const stop = new AbortController();
    const second = gate.enter("a", { signal: stop.signal, withinMs: 10_000 });
    stop.abort();
    expect((await failureOf(second)).code).toBe("BMC_BUSY");
  });

  it("never lets two processes have more calls under way than there are slots", async () => {
    const locks = createLocks();
    const gates = [gateOf(2, locks), gateOf(2, locks), gateOf(2, locks)];
    let inside = 0;
    let most = 0;
    const call = async (gate: (typeof gates)[number]): Promise<void> => {
      const turn: Turn = await gate.enter("https://bmc:443", patient);
      inside += 1;
      most = Math.max(most, inside);
      await new Promise(setImmediate);
      inside -= 1;
      await turn.release();
    };
    await Promise.all(Array.from({ length: 30 }, (_, index) => call(gates[index % 3]!)));
    expect(most).toBe(2);
    expect(locks.held.size).toBe(0);
  });

  it("gives the place of a waiter that stopped to the next", async () => {
    const gate = gateOf(1, null);
    const first = await gate.enter("a", patient);
    const stop = new AbortController();
    const second = gate.enter("a", { signal: stop.signal, withinMs: 10_000 });
    const third = gate.enter("a", patient);
    stop.abort();
    await failureOf(second);
    await first.release();
    await (await third).release();
    expect(gate.contended("a")).toBe(false);
  });

  it("gives the turn back when the lock cannot be taken", async () => {
    const clock = createTestClock();
    const locks = { tryLock: () => Promise.reject(new Error("the database is gone")) };
    const gate = createGate({ slots: 1, locks, clock, random: () => 0 });
    await expect(gate.enter("a", patient)).rejects.toThrow("the database is gone");
    await expect(gate.enter("a", patient)).rejects.toThrow("the database is gone");
  });
});
