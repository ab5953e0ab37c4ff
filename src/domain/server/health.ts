import type { Health, Inventory } from "#contract/inventory.ts";

/** How a server is, and why, in sentences that name the parts. */
export interface Assessment {
  readonly health: Health;
  readonly reasons: readonly string[];
}

/** The reasons shown at most; a failed backplane can make hundreds, which say no more than the first ones. */
const maxReasons = 20;

const severity = { unknown: 0, healthy: 1, degraded: 2, failed: 3 } as const satisfies Record<
  Health,
  number
>;

const worse = (a: Health, b: Health): Health => (severity[a] >= severity[b] ? a : b);

interface Part {
  readonly noun: string;
  readonly id: string;
  readonly name: string | null;
  readonly serial?: string | null;
  readonly health: Health;
}

/**
 * The worst of what the system says of itself and what its parts say. A part that says nothing worsens nothing;
 * a machine of which nothing says anything is `unknown`.
 */
export function assessHealth(inventory: Inventory): Assessment {
  const parts = partsOf(inventory);
  const health = parts.reduce<Health>(
    (sofar, part) => worse(sofar, part.health),
    inventory.system.health,
  );
  const bad = parts
    .filter((part) => part.health === "degraded" || part.health === "failed")
    .toSorted((a, b) => severity[b.health] - severity[a.health]);
  const reasons = bad.slice(0, maxReasons).map(describe);
  if (bad.length > maxReasons)
    reasons.push(`${bad.length - maxReasons} more parts are degraded or failed; see the inventory`);
  if (reasons.length === 0 && (health === "degraded" || health === "failed"))
    reasons.push(`the system reports itself as ${health} and names no part`);
  return { health, reasons };
}

function partsOf(inventory: Inventory): readonly Part[] {
  const named =
    (noun: string) =>
    (part: Omit<Part, "noun">): Part => ({ ...part, noun });
  return [
    ...inventory.processors.map(named("processor")),
    ...inventory.gpus.map(named("GPU")),
    ...inventory.memory.map(named("memory module")),
    ...inventory.drives.map(named("drive")),
    ...inventory.networkInterfaces.map(named("network interface")),
    ...inventory.powerSupplies.map(named("power supply")),
    ...inventory.sensors.map(named("sensor")),
  ];
}

function describe({ noun, id, name, serial, health }: Part): string {
  const label = name === null || name === id ? id : `${name} (${id})`;
  const which = serial === undefined || serial === null ? label : `${label}, serial ${serial}`;
  return `${noun} ${which} is ${health}`;
}
