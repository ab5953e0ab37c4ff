import type { Machine } from "./machine.ts";
import { powerState } from "./machine.ts";

/**
 * The whole world in a form in which two equal worlds are equal texts: keys and names sorted; no clocks, counters,
 * sessions, tasks or logs. "As before" is equality of two snapshots.
 */
export function snapshot(
  machines: Iterable<Machine>,
  kubernetes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const entries = [...machines].map((machine) => [machine.name, machineSnapshot(machine)] as const);
  const whole = { machines: Object.fromEntries(entries), kubernetes };
  return sortKeys(whole) as Record<string, unknown>;
}

function machineSnapshot(machine: Machine): Record<string, unknown> {
  return {
    power: powerState(machine),
    running: machine.phase.kind,
    boot: machine.boot,
    media: machine.media,
    disks: machine.disks.map((disk) => ({ ...disk, isPulled: machine.pulled.includes(disk.part) })),
    pulled: machine.pulled,
    indicator: machine.indicator,
    assetTag: machine.assetTag,
    bios: machine.bios,
    biosPending: machine.biosPending,
    accounts: machine.accounts,
    erasing: machine.jobs
      .filter((job) => job.result === "running")
      .flatMap((job) => job.serials)
      .toSorted(),
  };
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sortKeys(inner)]));
}
