import { describe, expect, it } from "vitest";
import type { Inventory } from "#contract/inventory.ts";
import { baselineOf, inventoryChanges, unseenAfter } from "./inventory-diff.ts";
import { emptyInventory } from "./testing/story.ts";

const common = {
  name: null,
  manufacturer: null,
  model: null,
  partNumber: null,
  health: "healthy",
} as const;

const drive = (id: string, serial: string | null): Inventory["drives"][number] => ({
  ...common,
  id,
  serial,
  sizeBytes: 960_197_124_096,
  mediaType: "SSD",
  protocol: "NVMe",
  slot: null,
  controller: null,
  secureErase: true,
});

const dimm = (id: string, serial: string): Inventory["memory"][number] => ({
  ...common,
  id,
  name: `DIMM ${id}`,
  serial,
  slot: id,
  sizeBytes: 34_359_738_368,
  type: "DDR5",
  speedMhz: 4800,
});

const inventory = (parts: Partial<Inventory> = {}): Inventory => ({ ...emptyInventory, ...parts });
const off = { ...emptyInventory.system, power: "off" } as const;

/** What each of some inspections in a row finds changed. */
function inspections(...read: readonly Inventory[]): string[][] {
  let last: Inventory | null = null;
  let unseen = {};
  return read.map((next) => {
    const baseline = baselineOf(last, unseen);
    const changes = inventoryChanges(baseline, next);
    unseen = unseenAfter(baseline, next);
    last = next;
    return changes.map(({ kind, part, id }) => `${kind} ${part} ${id}`);
  });
}

describe("inventoryChanges", () => {
  const full = inventory({
    drives: [drive("bay-1", "S1"), drive("bay-2", "S2")],
    memory: [dimm("A1", "M1"), dimm("A2", "M2")],
  });

  const cases: readonly (readonly [
    string,
    readonly Inventory[],
    readonly (readonly string[])[],
  ])[] = [
    ["the first inspection changes nothing", [full], [[]]],
    ["an equal one changes nothing", [full, full], [[], []]],
    [
      "a DIMM that was pulled is missing, once",
      [
        full,
        inventory({ ...full, memory: [dimm("A1", "M1")] }),
        inventory({ ...full, memory: [dimm("A1", "M1")] }),
      ],
      [[], ["missing memory A2"], []],
    ],
    [
      "a drive in another bay was moved, not lost and found",
      [full, inventory({ ...full, drives: [drive("bay-1", "S1"), drive("bay-9", "S2")] })],
      [[], ["changed drive bay-9"]],
    ],
    [
      "another drive in the same bay is a change of it",
      [full, inventory({ ...full, drives: [drive("bay-1", "S1"), drive("bay-2", "S3")] })],
      [[], ["changed drive bay-2"]],
    ],
    [
      "a new drive has appeared",
      [full, inventory({ ...full, drives: [...full.drives, drive("bay-3", "S3")] })],
      [[], ["appeared drive bay-3"]],
    ],
    [
      "a field left out this time has not changed",
      [full, inventory({ ...full, drives: [drive("bay-1", null), drive("bay-2", "S2")] })],
      [[], []],
    ],
    [
      "nothing is missing from a machine that is off, nor new once it is on again",
      [full, inventory({ system: off }), full],
      [[], [], []],
    ],
    [
      "what went while nobody could see it is missing at the next full look",
      [full, inventory({ system: off }), inventory({ ...full, drives: [drive("bay-1", "S1")] })],
      [[], [], ["missing drive bay-2"]],
    ],
    [
      "drives that could not be read are not missing; the memory is",
      [
        full,
        inventory({ drives: [], memory: [], notSeen: [{ part: "drives", reason: "503" }] }),
        inventory({ ...full, memory: [] }),
      ],
      [[], ["missing memory A1", "missing memory A2"], []],
    ],
    [
      "a name that says nothing to us may stand for anything",
      [full, inventory({ notSeen: [{ part: "flux-capacitors", reason: "404" }] })],
      [[], []],
    ],
    [
      "another machine behind the same address is a change of the system",
      [
        full,
        inventory({ ...full, system: { ...full.system, serial: "OTHER", biosVersion: "1.1" } }),
      ],
      [[], ["changed system system"]],
    ],
  ];

  it.each(cases)("%s", (_name, read, expected) => {
    expect(inspections(...read)).toEqual(expected);
  });

  it("says what changed in words that name the part", () => {
    const after = inventory({
      ...full,
      drives: [drive("bay-1", "S1"), drive("bay-9", "S2")],
      memory: [],
    });
    const says = inventoryChanges(full, after).map(({ description }) => description);
    expect(says).toEqual([
      "memory module DIMM A1 (A1), serial M1 is missing since the last inspection",
      "memory module DIMM A2 (A2), serial M2 is missing since the last inspection",
      "drive bay-9, serial S2 was moved here from bay-2, serial S2",
    ]);
  });

  it("keeps nothing unseen when everything was seen", () => {
    expect(unseenAfter(full, full)).toEqual({});
    expect(unseenAfter(full, inventory({ system: off }))).toMatchObject({ drives: full.drives });
  });
});
