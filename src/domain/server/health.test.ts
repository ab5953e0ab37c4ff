import { expect, it } from "vitest";
import type { Health, Inventory } from "#contract/inventory.ts";
import { assessHealth } from "./health.ts";
import { emptyInventory } from "./testing/story.ts";

const supply = (id: string, health: Health): Inventory["powerSupplies"][number] => ({
  id,
  name: null,
  manufacturer: null,
  model: null,
  serial: null,
  partNumber: null,
  capacityWatts: 800,
  health,
});

const inventory = (system: Health, ...supplies: readonly Health[]): Inventory => ({
  ...emptyInventory,
  system: { ...emptyInventory.system, health: system },
  powerSupplies: supplies.map((health, index) => supply(`PSU${index + 1}`, health)),
});

it.each([
  [inventory("healthy", "healthy"), "healthy", []],
  [inventory("unknown"), "unknown", []],
  [inventory("unknown", "healthy", "unknown"), "healthy", []],
  [inventory("healthy", "healthy", "degraded"), "degraded", ["power supply PSU2 is degraded"]],
  [
    inventory("degraded", "degraded", "failed"),
    "failed",
    ["power supply PSU2 is failed", "power supply PSU1 is degraded"],
  ],
  [inventory("failed"), "failed", ["the system reports itself as failed and names no part"]],
] as const)("case %#", (read, health, reasons) => {
  expect(assessHealth(read)).toEqual({ health, reasons });
});

it("names only so many parts", () => {
  const { reasons } = assessHealth(inventory("failed", ...Array<Health>(50).fill("failed")));
  expect(reasons).toHaveLength(21);
  expect(reasons.at(-1)).toContain("30 more parts");
});
