import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { idrac9 } from "#lab/profiles/idrac9.ts";
import { newborn } from "#lab/profiles/newborn.ts";
import { Journal } from "./journal.ts";
import { timingAt } from "./timing.ts";
import { traitsOf } from "./traits.ts";
import { World } from "./world.ts";

const root = mkdtempSync(path.join(tmpdir(), "lab-journal-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const machine = newborn("m", idrac9, 0);
const effect = {
  id: 1,
  at: "2026-01-01T00:00:00.000Z",
  target: "m",
  action: "power-on",
  detail: {},
};

describe("the journal", () => {
  test("remembers the last state of everything, without having been closed", () => {
    const folder = path.join(root, "plain");
    const first = new Journal(folder);
    first.saveMachine(machine);
    first.saveMachine({ ...machine, assetTag: "later" });
    first.saveEffect(effect);
    const { remembered } = new Journal(folder);
    expect(remembered.machines.get("m")?.assetTag).toBe("later");
    expect(remembered.effects).toEqual([effect]);
  });

  test("forgets only the line that a kill has cut", () => {
    const folder = path.join(root, "torn");
    new Journal(folder).saveMachine(machine);
    appendFileSync(path.join(folder, "world.jsonl"), '{"machine":{"name":"m","assetTag":"ha');
    const second = new Journal(folder);
    expect(second.remembered.machines.get("m")).toEqual(machine);
    second.saveMachine({ ...machine, assetTag: "whole" });
    expect(new Journal(folder).remembered.machines.get("m")?.assetTag).toBe("whole");
  });

  test("is replaced by a short one when it has grown", () => {
    const folder = path.join(root, "grown");
    const journal = new Journal(folder, 20_000);
    for (let count = 0; count < 200; count += 1) {
      journal.saveMachine({ ...machine, assetTag: String(count) });
    }
    expect(readFileSync(path.join(folder, "world.jsonl"), "utf8").length).toBeLessThan(30_000);
    expect(new Journal(folder).remembered.machines.get("m")?.assetTag).toBe("199");
  });
});

describe("a world that comes back", () => {
  const network = {
    readMedia: () => Promise.resolve([]),
    deliver: () => Promise.resolve(true),
  };

  test("goes on where it was, with what has come due meanwhile", () => {
    const folder = path.join(root, "world");
    let now = 1000;
    const clock = (): number => now;
    const timing = timingAt(1);
    const rules = { timing, traits: traitsOf("m"), mediaTargets: ["Cd"] };
    const open = (): World => {
      const world = new World({
        clock,
        journal: new Journal(folder),
        network,
        callbackDelayMs: () => 0,
      });
      world.add(newborn("m", idrac9, now), rules);
      return world;
    };
    const before = open();
    before.command("m", { do: "reset", type: "On" }, "key-1");
    before.close();
    now += timing.powerOnMs + timing.postMs;
    const after = open();
    expect(after.machine("m").phase.kind).toBe("halted");
    expect(after.machine("m").phaseSince).toBe(now);
    expect(after.effects.of("m").map(({ id, action, key }) => ({ id, action, key }))).toEqual([
      { id: 1, action: "power-on", key: "key-1" },
    ]);
    after.close();
  });
});
