import type { Cpu, Dimm, Drive, Nic, PowerSupply } from "./hardware.ts";
import { capitals, digits } from "./seed.ts";
import type { Seed } from "./seed.ts";

/** Makes `count` of something; ids and names usually count from 0 or 1. */
export function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** The two-socket Xeon that most of the lab's servers have. */
export function xeon(id: string, index: number): Cpu {
  return {
    id,
    name: `CPU ${index + 1}`,
    socket: `CPU ${index + 1}`,
    manufacturer: "Intel",
    model: "Intel(R) Xeon(R) Gold 6430",
    architecture: "x86",
    cores: 32,
    threads: 64,
    maxSpeedMHz: 4000,
  };
}

export interface DimmPlan {
  readonly slots: number;
  /** Modules are in the first slots. */
  readonly modules: number;
  readonly capacityMiB: number;
  readonly id: (index: number) => string;
  readonly locator: (index: number) => string;
}

export function ddr5(seed: Seed, plan: DimmPlan): readonly Dimm[] {
  return times(plan.slots, (index) => ({
    id: plan.id(index),
    name: plan.locator(index),
    locator: plan.locator(index),
    module:
      index < plan.modules
        ? {
            capacityMiB: plan.capacityMiB,
            manufacturer: "Samsung",
            partNumber: "M321R4GA3BB6-CQKET",
            serial: seed.text(`dimm/${index}`, 8, "0123456789ABCDEF"),
            type: "DDR5",
            speedMHz: 4800,
          }
        : null,
  }));
}

export interface DrivePlan {
  readonly count: number;
  readonly id: (index: number) => string;
  readonly name: (index: number) => string;
  readonly model: string;
  readonly manufacturer: string;
  readonly capacityBytes: number;
  /** Tells the serial numbers of two groups of drives apart. */
  readonly group: string;
  readonly protocol?: Drive["protocol"];
}

export function flashDrives(seed: Seed, plan: DrivePlan): readonly Drive[] {
  return times(plan.count, (index) => ({
    id: plan.id(index),
    name: plan.name(index),
    manufacturer: plan.manufacturer,
    model: plan.model,
    serial: `S${seed.text(`drive/${plan.group}/${index}`, 13, capitals)}`,
    capacityBytes: plan.capacityBytes,
    mediaType: "SSD",
    protocol: plan.protocol ?? "NVMe",
    revision: "GDC5602Q",
    bay: `Bay ${index}`,
  }));
}

/** Ports of 25 Gbit/s; the first two are cabled. */
export function ports(
  seed: Seed,
  plan: {
    readonly count: number;
    readonly prefix: string;
    readonly id: (index: number) => string;
    readonly lowerCase?: boolean;
  },
): readonly Nic[] {
  return times(plan.count, (index) => {
    const mac = seed.mac(plan.prefix, index);
    return {
      id: plan.id(index),
      name: `Ethernet port ${index + 1}`,
      mac: plan.lowerCase === true ? mac.toLowerCase() : mac,
      speedMbps: 25_000,
      hasLink: index < 2,
    };
  });
}

export function supplies(
  seed: Seed,
  plan: {
    readonly count: number;
    readonly watts: number;
    readonly model: string;
    readonly maker: string;
    readonly id: (index: number) => string;
  },
): readonly PowerSupply[] {
  return times(plan.count, (index) => ({
    id: plan.id(index),
    name: `PSU ${index + 1}`,
    model: plan.model,
    manufacturer: plan.maker,
    serial: seed.text(`psu/${index}`, 12, digits),
    capacityWatts: plan.watts,
  }));
}

export const fanNames = (count: number): readonly string[] =>
  times(count, (index) => `Fan ${index + 1}`);

/** Inlet, CPUs, then as many DIMM groups as asked for. */
export function temperatureNames(cpus: number, groups: number): readonly string[] {
  return [
    "Inlet Temp",
    ...times(cpus, (index) => `CPU${index + 1} Temp`),
    ...times(groups, (index) => `DIMM Group ${index + 1} Temp`),
  ];
}
