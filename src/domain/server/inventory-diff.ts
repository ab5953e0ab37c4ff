import type { Inventory } from "#contract/inventory.ts";
import type { InventoryChange } from "#contract/server.ts";

/**
 * The differences between an inspection and what was seen before, as facts.
 *
 * A part that could not be read is not missing. So the comparison is not with the last inventory alone but with
 * a baseline: every part as it was last seen. What the last inspection could not see of it is kept as `Unseen`
 * beside the inventory, until a reading of its section is complete again.
 */

/** The lists of an inventory that are compared. Sensors are readings, not parts. */
export const sections = [
  "processors",
  "gpus",
  "memory",
  "drives",
  "networkInterfaces",
  "powerSupplies",
  "firmware",
] as const;
export type Section = (typeof sections)[number];

/** Parts that were there and have not been looked for since, by section; sections without any are left out. */
export type Unseen = Readonly<Partial<Pick<Inventory, Section>>>;

export type Baseline = Readonly<Pick<Inventory, Section | "system">>;

type Part = InventoryChange["part"];

/** A part of any section, as far as the comparison looks at it. */
interface Item {
  readonly id: string;
  readonly name: string | null;
  readonly serial?: string | null;
}

interface SectionRow {
  readonly part: Part;
  /** What a person calls one. */
  readonly noun: string;
  /** Fields of which a difference is a fact, with their names for people. */
  readonly compared: Readonly<Record<string, string>>;
  /** How `notSeen` may name the section, or something that holds it. */
  readonly namedAs: RegExp;
  /** True for parts that a BMC forgets, or shows as they were, while the machine is off. */
  readonly needsPower: boolean;
}

const table: Readonly<Record<Section, SectionRow>> = {
  processors: {
    part: "processor",
    noun: "processor",
    compared: { model: "model", serial: "serial number", cores: "cores" },
    namedAs: /processor|cpu/i,
    needsPower: true,
  },
  gpus: {
    part: "gpu",
    noun: "GPU",
    compared: { model: "model", serial: "serial number", memoryBytes: "memory bytes" },
    namedAs: /gpu|processor|pcie/i,
    needsPower: true,
  },
  memory: {
    part: "memory",
    noun: "memory module",
    compared: { serial: "serial number", partNumber: "part number", sizeBytes: "bytes" },
    namedAs: /memory|dimm/i,
    needsPower: true,
  },
  drives: {
    part: "drive",
    noun: "drive",
    compared: { serial: "serial number", model: "model", sizeBytes: "bytes" },
    namedAs: /drive|storage|disk|volume/i,
    needsPower: true,
  },
  networkInterfaces: {
    part: "network-interface",
    noun: "network interface",
    compared: { macAddress: "MAC address" },
    namedAs: /network|ethernet|nic|interface/i,
    needsPower: true,
  },
  powerSupplies: {
    part: "power-supply",
    noun: "power supply",
    compared: { serial: "serial number", model: "model" },
    namedAs: /power/i,
    needsPower: false,
  },
  firmware: {
    part: "firmware",
    noun: "firmware of",
    compared: { version: "version" },
    namedAs: /firmware|software|update/i,
    needsPower: true,
  },
};

const knownNames = new RegExp(
  Object.values(table)
    .map((row) => row.namedAs.source)
    .concat("sensor|thermal|bios|manager|bmc|system")
    .join("|"),
  "i",
);

/** True when everything that the section has was read, so that what is not in it is not there. */
export function isComplete(inventory: Inventory, section: Section): boolean {
  const row = table[section];
  if (row.needsPower && inventory.system.power !== "on") return false;
  // A name that says nothing to us may stand for anything: then no part is called missing.
  return !inventory.notSeen.some(({ part }) => row.namedAs.test(part) || !knownNames.test(part));
}

const itemsOf = (from: Baseline, section: Section): readonly Item[] => from[section];

/** Every part as it was last seen; null before the first inspection. */
export function baselineOf(inventory: Inventory | null, unseen: Unseen): Baseline | null {
  if (inventory === null) return null;
  const all = <S extends Section>(section: S): Inventory[S] =>
    [...inventory[section], ...(unseen[section] ?? [])] as Inventory[S];
  return {
    system: inventory.system,
    processors: all("processors"),
    gpus: all("gpus"),
    memory: all("memory"),
    drives: all("drives"),
    networkInterfaces: all("networkInterfaces"),
    powerSupplies: all("powerSupplies"),
    firmware: all("firmware"),
  };
}

/** What of the baseline the new inventory could neither see nor rule out. */
export function unseenAfter(baseline: Baseline | null, inventory: Inventory): Unseen {
  if (baseline === null) return {};
  const entries = sections
    .filter((section) => !isComplete(inventory, section))
    .map((section) => {
      const seen = new Set(itemsOf(inventory, section).map((item) => item.id));
      return [section, itemsOf(baseline, section).filter((item) => !seen.has(item.id))] as const;
    })
    .filter(([, items]) => items.length > 0);
  return Object.fromEntries(entries);
}

/** What changed since the baseline. The first inspection changes nothing: it is the baseline. */
export function inventoryChanges(
  baseline: Baseline | null,
  inventory: Inventory,
): readonly InventoryChange[] {
  if (baseline === null) return [];
  return [
    ...systemChanges(baseline, inventory),
    ...sections.flatMap((section) => sectionChanges(baseline, inventory, section)),
  ];
}

const comparedOfSystem = {
  uuid: "UUID",
  serial: "serial number",
  model: "model",
  biosVersion: "BIOS version",
} as const;

function systemChanges(baseline: Baseline, inventory: Inventory): readonly InventoryChange[] {
  const differences = differencesOf(comparedOfSystem, baseline.system, inventory.system);
  if (differences.length === 0) return [];
  const description = `the system changed: ${differences.join("; ")}`;
  return [{ kind: "changed", part: "system", id: "system", description }];
}

function sectionChanges(
  baseline: Baseline,
  inventory: Inventory,
  section: Section,
): readonly InventoryChange[] {
  const row = table[section];
  const before = byId(itemsOf(baseline, section));
  const after = byId(itemsOf(inventory, section));
  const gone = [...before.values()].filter((item) => !after.has(item.id));
  const come = [...after.values()].filter((item) => !before.has(item.id));
  // The same serial number under another id is the same part in another place.
  const moved = gone.flatMap((from) => {
    const to = come.find((item) => hasSerial(item) && item.serial === from.serial);
    return to === undefined ? [] : [{ from, to }];
  });
  const change = (kind: InventoryChange["kind"], item: Item, says: string): InventoryChange => ({
    kind,
    part: row.part,
    id: item.id,
    description: `${row.noun} ${nameOf(item)} ${says}`,
  });
  return [
    ...[...after.values()].flatMap((item) => {
      const old = before.get(item.id);
      if (old === undefined) return [];
      const differences = differencesOf(row.compared, old, item);
      return differences.length === 0
        ? []
        : [change("changed", item, `changed: ${differences.join("; ")}`)];
    }),
    ...moved.map(({ from, to }) => change("changed", to, `was moved here from ${nameOf(from)}`)),
    ...(isComplete(inventory, section) ? gone : [])
      .filter((item) => !moved.some(({ from }) => from === item))
      .map((item) => change("missing", item, "is missing since the last inspection")),
    ...come
      .filter((item) => !moved.some(({ to }) => to === item))
      .map((item) => change("appeared", item, "is new since the last inspection")),
  ];
}

const byId = (items: readonly Item[]): ReadonlyMap<string, Item> =>
  new Map(items.map((item) => [item.id, item]));

const hasSerial = (item: Item): boolean => item.serial !== undefined && item.serial !== null;

function nameOf(item: Item): string {
  const name = item.name === null || item.name === item.id ? item.id : `${item.name} (${item.id})`;
  return hasSerial(item) ? `${name}, serial ${item.serial}` : name;
}

/** Only values that both sides tell can differ: a field that a BMC left out this time has not changed. */
function differencesOf(
  compared: Readonly<Record<string, string>>,
  before: object,
  after: object,
): readonly string[] {
  const valueIn = (item: object, field: string): unknown =>
    (item as Readonly<Record<string, unknown>>)[field] ?? null;
  return Object.entries(compared).flatMap(([field, label]) => {
    const old = valueIn(before, field);
    const now = valueIn(after, field);
    return old === null || now === null || old === now ? [] : [`${label} ${old} is now ${now}`];
  });
}
