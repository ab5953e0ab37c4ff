import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runPath } from "#test/processes/api.ts";
import type { Slice, StandInFault } from "#test/processes/stand-in.ts";
import { installations } from "./installations.ts";
import { type TriggerWorld, faultsOf, isReal, openTriggerWorld } from "./trigger-world.ts";

/**
 * Whatever becomes of a slice at the platform, the run ends right and the lab's effect log shows each effect once. The
 * run is an installation, which takes long enough for something to happen to it in the middle.
 */
const server = process.env["TEST_DATABASE_URL"];

interface Case {
  readonly fault: StandInFault;
  /** What the platform says of the slice that was struck. */
  readonly status: Slice["status"];
  readonly ms?: number;
  /** Slices that are struck, one after the other. */
  readonly times?: number;
}

/** Installations under way at the same time: most of one is waiting. Each may have a slice that is given to two workers. */
const atOnce = 3;
vi.setConfig({ maxConcurrency: atOnce });

/** Long enough that the slice is at work. */
const inTheMiddle = 900;

const cases: readonly Case[] = [
  { fault: "start-hook-throws", status: "FAILED", times: 2 },
  { fault: "start-hook-aborts", status: "FAILED" },
  { fault: "middleware-throws", status: "FAILED" },
  { fault: "payload-spoilt", status: "FAILED" },
  { fault: "uncaught", status: "FAILED", ms: inTheMiddle },
  { fault: "exits", status: "CRASHED", ms: inTheMiddle },
  { fault: "killed", status: "CRASHED", ms: inTheMiddle, times: 2 },
  { fault: "terminated", status: "FAILED", ms: inTheMiddle },
  { fault: "session-ends", status: "CANCELED", ms: inTheMiddle },
  { fault: "vanishes", status: "CANCELED", ms: inTheMiddle },
  { fault: "max-duration", status: "TIMED_OUT" },
  { fault: "completion-lost", status: "CANCELED" },
  { fault: "expires", status: "EXPIRED" },
  { fault: "delivered-twice", status: "COMPLETED" },
  // Later than its lease lasts, and than the platform is asked for it.
  { fault: "delivered-late", status: "COMPLETED", ms: 5_000 },
];

describe.skipIf(server === undefined)("a slice at Trigger.dev (needs TEST_DATABASE_URL)", () => {
  let trigger: TriggerWorld;
  beforeAll(async () => {
    trigger = await openTriggerWorld(server ?? "", {}, 2 * atOnce);
  }, 180_000);
  afterAll(() => trigger.close());

  const { slicesOf, newest, becomes, executing, view, provision, expectDoneOnce } = installations(
    () => trigger,
  );

  const timeout = 180_000;

  /** What only strikes the slices of one server. */
  const ownTo = (id: string) => ({ task: "server.provision", tag: `resource:${id}` });

  describe.concurrent("of one server among several", () => {
    it.each(isReal ? [] : cases)(
      "that meets: $fault",
      { timeout },
      async ({ fault, status, times = 1, ms }) => {
        const { id, bmc } = await trigger.register();
        const more = { times, ...(ms !== undefined && { ms }) };
        await faultsOf(trigger).fault(fault, { ...ownTo(id), ...more });
        const run = await provision(id);
        await expectDoneOnce(await trigger.api.ended(run), bmc);
        const struck = async (): Promise<number> =>
          (await slicesOf(run)).filter((slice) => slice.status === status).length;
        const shown = (): Promise<string> =>
          slicesOf(run).then((slices) => slices.map((slice) => slice.status).join(" "));
        await vi
          .waitFor(async () => expect(await struck()).toBeGreaterThanOrEqual(times), {
            timeout: 60_000,
          })
          .catch(async (error: unknown) => {
            throw new Error(`the slices came to: ${await shown()}`, { cause: error });
          });
      },
    );

    it("that is cancelled over there is lost, and the run goes on", { timeout }, async () => {
      const { id, bmc } = await trigger.register();
      const run = await provision(id);
      await executing(run);
      await trigger.platform.cancel((await slicesOf(run)).at(-1)?.id ?? "");
      await expectDoneOnce(await trigger.api.ended(run), bmc);
      const path = `${runPath(run)}/events?limit=100`;
      const { data } = await trigger.api.good<{ type: string }[]>("GET", path);
      expect(data.map(({ type }) => type)).toContain("run.recovered");
    });

    it.skipIf(isReal)(
      "that is cancelled over there while it is queued is handed over again",
      { timeout },
      async () => {
        const { id, bmc } = await trigger.register();
        await faultsOf(trigger).fault("delivered-late", { ...ownTo(id), ms: 60_000 });
        const run = await provision(id);
        await becomes(run, "QUEUED");
        await trigger.platform.cancel((await slicesOf(run)).at(-1)?.id ?? "");
        await expectDoneOnce(await trigger.api.ended(run), bmc);
        expect((await slicesOf(run)).map(({ status }) => status)[0]).toBe("CANCELED");
      },
    );

    it.skipIf(isReal)("waits for a version that is not deployed yet", { timeout }, async () => {
      const { id, bmc } = await trigger.register();
      await faultsOf(trigger).fault("unknown-version", ownTo(id));
      const run = await provision(id);
      await becomes(run, "PENDING_VERSION");
      // Longer than it is left in peace: the platform says that it is still there, so there is no second one.
      await new Promise((resolve) => setTimeout(resolve, 4_500));
      expect(await slicesOf(run)).toHaveLength(1);
      await faultsOf(trigger).deploy();
      await expectDoneOnce(await trigger.api.ended(run), bmc);
    });
  });

  // The platform as a whole, or the control plane: what strikes them strikes every slice, so these come one by one.
  it.skipIf(isReal)("is handed over once the rate limit is over", { timeout }, async () => {
    const { id, bmc } = await trigger.register();
    await faultsOf(trigger).outage("rate-limited", 4_000);
    const run = await provision(id);
    const reason = async (): Promise<string> => (await view(run)).waiting?.reason ?? "";
    await expect.poll(reason, { timeout: 4_000 }).toMatch(/rate limit/);
    await expectDoneOnce(await trigger.api.ended(run), bmc);
  });

  it.skipIf(isReal)("goes on while the platform is away", { timeout }, async () => {
    const { id, bmc } = await trigger.register();
    const run = await provision(id);
    await executing(run);
    await faultsOf(trigger).outage("down", 5_000);
    await expectDoneOnce(await trigger.api.ended(run), bmc);
    await faultsOf(trigger).outage("none");
  });

  it("ends when its run is cancelled, with the world as before", { timeout }, async () => {
    const { api, world } = trigger;
    const { id, bmc } = await trigger.register();
    const before = await world.lab.snapshot(bmc);
    await world.lab.fault({ target: bmc, delayMs: 700, times: 3 });
    const run = await provision(id);
    await executing(run);
    await api.good("POST", `${runPath(run)}/cancel`, { body: { reason: "thought better of it" } });
    expect(await api.ended(run)).toMatchObject({ status: "cancelled" });
    await expect.poll(() => newest(run), { timeout: 10_000 }).toBe("COMPLETED");
    expect((await slicesOf(run)).map(({ status }) => status)).not.toContain("EXECUTING");
    expect(await world.lab.snapshot(bmc)).toEqual(before);
  });

  it("of a control plane that was killed is not repeated", { timeout }, async () => {
    const { id, bmc } = await trigger.register();
    const run = await provision(id);
    await trigger.restart({}, "SIGKILL");
    await expectDoneOnce(await trigger.api.ended(run), bmc);
  });

  it.skipIf(isReal)(
    "can be gone on with by the other engine, and the other way round",
    { timeout },
    async () => {
      const first = await trigger.register();
      await faultsOf(trigger).fault("killed", { task: "server.provision", ms: inTheMiddle });
      const begun = await provision(first.id);
      await executing(begun);
      await trigger.restart({ MILLWRIGHT_ENGINE: "embedded" });
      await expectDoneOnce(await trigger.api.ended(begun), first.bmc);

      const second = await trigger.register();
      const other = await provision(second.id);
      const status = async (): Promise<string> => (await view(other)).status;
      await expect.poll(status, { timeout: 20_000 }).toBe("running");
      await trigger.restart();
      await expectDoneOnce(await trigger.api.ended(other), second.bmc);
    },
  );
});
