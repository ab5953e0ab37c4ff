/** What is built into one server: computed from its name, the same in every lab and after every restart. */
export interface Hardware {
  readonly uuid: string;
  readonly serial: string;
  readonly sku: string | null;
  readonly partNumber: string | null;
  readonly cpus: readonly Cpu[];
  readonly gpus: readonly Gpu[];
  readonly dimms: readonly Dimm[];
  readonly storages: readonly Storage[];
  readonly nics: readonly Nic[];
  readonly firmware: readonly Firmware[];
  readonly powerSupplies: readonly PowerSupply[];
  readonly fans: readonly string[];
  readonly temperatures: readonly string[];
}

export interface Cpu {
  readonly id: string;
  readonly name: string;
  readonly socket: string;
  readonly manufacturer: string;
  readonly model: string | null;
  readonly architecture: "x86" | "ARM";
  readonly cores: number;
  readonly threads: number;
  readonly maxSpeedMHz: number;
}

export interface Gpu {
  readonly id: string;
  readonly name: string;
  readonly manufacturer: string;
  readonly model: string | null;
  readonly partNumber: string;
  readonly serial: string;
  readonly firmwareVersion: string;
  readonly memoryMiB: number;
}

export interface Dimm {
  readonly id: string;
  readonly name: string;
  readonly locator: string;
  /** Null for an empty slot. */
  readonly module: {
    readonly capacityMiB: number;
    readonly manufacturer: string;
    readonly partNumber: string;
    readonly serial: string;
    readonly type: string;
    readonly speedMHz: number;
  } | null;
}

export interface Storage {
  readonly id: string;
  readonly name: string;
  readonly controller: {
    readonly id: string;
    readonly model: string;
    readonly firmwareVersion: string;
  };
  /** Id of the chassis that lists the drives; null where they are listed under the storage itself. */
  readonly enclosure: string | null;
  readonly drives: readonly Drive[];
  /** Names of bays without a drive that the vendor lists all the same, with State Absent. */
  readonly emptyBays: readonly string[];
}

export interface Drive {
  readonly id: string;
  readonly name: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly capacityBytes: number;
  readonly mediaType: "SSD" | "HDD";
  readonly protocol: "NVMe" | "SAS" | "SATA";
  readonly revision: string;
  readonly bay: string;
}

export interface Nic {
  readonly id: string;
  readonly name: string;
  readonly mac: string;
  readonly speedMbps: number;
  readonly hasLink: boolean;
}

interface Firmware {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly isUpdateable: boolean;
}

export interface PowerSupply {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly manufacturer: string;
  readonly serial: string;
  readonly capacityWatts: number;
}

/** Parts that can be taken out by hand, as the control API names them: `memory/<id>` and `drive/<serial>`. */
export function removableParts(hardware: Hardware): readonly string[] {
  const memory = hardware.dimms
    .filter((dimm) => dimm.module !== null)
    .map((dimm) => memoryPart(dimm));
  return [...memory, ...allDrives(hardware).map(drivePart)];
}

export function memoryPart(dimm: Dimm): string {
  return `memory/${dimm.id}`;
}

export function drivePart(drive: Drive): string {
  return `drive/${drive.serial}`;
}

export function allDrives(hardware: Hardware): readonly Drive[] {
  return hardware.storages.flatMap((storage) => storage.drives);
}
