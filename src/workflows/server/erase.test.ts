import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { Inventory, InventoryDrive } from "#contract/inventory.ts";
import { Story, emptyInventory } from "#domain/server/testing/story.ts";
import type { BmcPort, EraseTarget } from "#drivers/ports.ts";
import type { Wait } from "#engine/kit.ts";
import { eraseAll } from "./erase.ts";
import type { ServerContext } from "./kit.ts";
import { isWait } from "./power.ts";

/** What counts as an erase of all drives when the BMC shows few of them, or none. */

const { server } = new Story().ready();

const drive = (id: string): InventoryDrive => ({
  id,
  name: null,
  manufacturer: null,
  model: null,
  serial: `SN-${id}`,
  partNumber: null,
  health: "healthy",
  sizeBytes: 1,
  mediaType: null,
  protocol: null,
  slot: null,
  controller: null,
  secureErase: true,
});

const recorded = (ids: readonly string[], power: "on" | "off" = "on"): Inventory => ({
  ...emptyInventory,
  system: { ...emptyInventory.system, power },
  drives: ids.map(drive),
});

const none = (reason: string): Failure =>
  new Failure("BMC_UNSUPPORTED", "no drive is shown", { details: { reason, notSeen: [] } });

/** A machine that is on, whose BMC shows drives from some time on, and an erase of it that is looked at. */
function open(what: {
  readonly inventory: Inventory | null;
  readonly shows: (at: number) => readonly string[];
  readonly bootProgress?: (at: number) => string | null;
}) {
  const started: string[][] = [];
  let at = 0;
  const bmc: Partial<BmcPort> = {
    readState: async () => ({
      power: "on",
      changing: false,
      bootProgress: what.bootProgress?.(at) ?? null,
      lastResetAt: null,
      boot: null,
      indicator: "off",
    }),
    eraseOffer: async () => {
      if (what.shows(at).length === 0) throw none("no-drives");
      return what.shows(at).map((id) => ({ driveId: id, serial: `SN-${id}`, way: "drive" }));
    },
    startErase: async () => {
      const ids = what.shows(at);
      if (ids.length === 0) throw none("no-drives");
      started.push([...ids]);
      return ids.map((id): EraseTarget => ({
        driveId: id,
        serial: `SN-${id}`,
        method: "SecureErase",
        task: `/tasks/${id}`,
      }));
    },
    readErase: async (_bmc, targets) =>
      targets.map(({ driveId, serial }) => ({
        driveId,
        serial,
        state: "done",
        percent: 100,
        message: "OK",
      })),
  };
  const context = (memo: unknown): ServerContext =>
    ({
      ports: { bmc },
      resource: { ...server!, inventory: what.inventory, unseen: {} },
      now: () => at,
      pace: 1,
      startedAt: 0,
      signal: new AbortController().signal,
      key: "run/erase",
      memo,
    }) as unknown as ServerContext;
  const look = async (memo: unknown) => eraseAll(context(memo));
  return {
    started,
    look,
    /** Looks every ten seconds until it has ended. */
    async end(): Promise<{ readonly drives: readonly unknown[]; readonly at: number }> {
      for (let memo: unknown; ; at += 10_000) {
        const result: Wait | { drives: unknown[] } = await look(memo);
        if (!isWait(result)) return { ...result, at };
        ({ memo } = result);
      }
    },
  };
}

const selfTest = "MemoryInitializationStarted";

describe("a machine that shows no drive", () => {
  it("is waited for while it tests itself, and erased once it shows them", async () => {
    const erase = open({
      inventory: recorded(["a", "b"]),
      shows: (at) => (at < 120_000 ? [] : ["a", "b"]),
      bootProgress: (at) => (at < 90_000 ? selfTest : "OSRunning"),
    });
    const { drives, at } = await erase.end();
    expect(drives).toMatchObject([{ serial: "SN-a" }, { serial: "SN-b" }]);
    expect(at).toBe(120_000);
  });

  it("is not called erased where an inspection knows drives", async () => {
    const erase = open({ inventory: recorded(["a"]), shows: () => [] });
    await expect(erase.end()).rejects.toMatchObject({
      code: "BMC_UNSUPPORTED",
      message: expect.stringContaining("skipErase") as string,
      details: { reason: "no-drives" },
    });
  });

  it.each([
    ["never was inspected", null],
    ["was inspected while it was off", recorded([], "off")],
  ])("is not believed when it %s", async (_why, inventory) => {
    const erase = open({ inventory, shows: () => [] });
    await expect(erase.end()).rejects.toMatchObject({
      message: expect.stringContaining("inspect the server") as string,
    });
  });

  it("is believed after ten minutes where the inspection found none either", async () => {
    const erase = open({ inventory: recorded([]), shows: () => [] });
    expect(await erase.end()).toEqual({ drives: [], at: 600_000 });
  });

  it("is not believed while its self-test does not end", async () => {
    const erase = open({
      inventory: recorded([]),
      shows: () => [],
      bootProgress: () => selfTest,
    });
    await expect(erase.end()).rejects.toMatchObject({ code: "BMC_UNSUPPORTED" });
  });

  it("has nothing erased by an attempt that was told of no drive", async () => {
    const erase = open({ inventory: recorded(["a"]), shows: () => ["a"] });
    const memo = { targets: [], since: 0, poweredAt: null, power: null, lostSince: null };
    const result = await erase.look({ ...memo, erased: null });
    expect(result).toMatchObject({ drives: [{ serial: "SN-a" }] });
  });
});

describe("a machine that shows some of its drives", () => {
  it("is not begun with before it shows them all", async () => {
    const erase = open({
      inventory: recorded(["a", "b"]),
      shows: (at) => (at < 60_000 ? ["b"] : ["b", "a"]),
    });
    await erase.end();
    expect(erase.started).toEqual([["b", "a"]]);
  });

  it("fails and names the others when they never appear", async () => {
    const erase = open({ inventory: recorded(["a", "b"]), shows: () => ["b"] });
    await expect(erase.end()).rejects.toMatchObject({
      code: "BMC_UNSUPPORTED",
      message: expect.stringContaining("a (serial SN-a)") as string,
      details: { reason: "drives-not-seen", drives: [{ driveId: "a", serial: "SN-a" }] },
    });
    expect(erase.started).toEqual([]);
  });

  it("is erased when a drive has moved to another place, or was added", async () => {
    const moved = { ...recorded([]), drives: [{ ...drive("a"), id: "elsewhere" }] };
    const erase = open({ inventory: moved, shows: () => ["a", "new"] });
    expect((await erase.end()).drives).toHaveLength(2);
  });
});
