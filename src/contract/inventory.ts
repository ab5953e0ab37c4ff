import { z } from "zod";

/** What inspection can say of a server. Every field may be null: machines leave things out, and a guess is worse. */

const text = z.string().nullable();
const count = z.number().int().nonnegative().nullable();

export const PowerState = z.enum(["on", "off", "unknown"]);
export type PowerState = z.infer<typeof PowerState>;

export const Health = z.enum(["healthy", "degraded", "failed", "unknown"]);
export type Health = z.infer<typeof Health>;

const Component = z.object({
  id: z.string().meta({
    description: "The BMC's own id of the part; stable between inspections of one machine",
  }),
  name: text,
  manufacturer: text,
  model: text,
  serial: text,
  partNumber: text,
  health: Health,
});

export const Processor = Component.extend({
  socket: text,
  cores: count,
  threads: count,
  architecture: text,
  maxSpeedMhz: z.number().nonnegative().nullable(),
});
export const Gpu = Component.extend({ memoryBytes: count, slot: text, uuid: text });
export const MemoryModule = Component.extend({
  slot: text,
  sizeBytes: count,
  type: text,
  speedMhz: z.number().nonnegative().nullable(),
});
export const Drive = Component.extend({
  sizeBytes: count,
  mediaType: text.meta({ description: "SSD, HDD or what the BMC says" }),
  protocol: text.meta({ description: "NVMe, SATA, SAS or what the BMC says" }),
  slot: text,
  controller: text,
  secureErase: z.boolean().meta({ description: "The BMC offers Drive.SecureErase for it" }),
});
export const NetworkInterface = Component.extend({
  macAddress: text.meta({ description: "Lower case with colons" }),
  linkUp: z.boolean().nullable(),
  speedMbps: z.number().nonnegative().nullable(),
});
export const PowerSupply = Component.extend({ capacityWatts: z.number().nonnegative().nullable() });
export const Sensor = z.object({
  id: z.string(),
  name: text,
  kind: text.meta({ description: "temperature, fan, power, voltage, current, other" }),
  reading: z.number().nullable(),
  unit: text,
  health: Health,
});
export const Firmware = z.object({
  id: z.string(),
  name: text,
  version: text,
  updateable: z.boolean().nullable(),
});

export const Inventory = z.object({
  system: z.object({
    uuid: text,
    serial: text,
    manufacturer: text,
    model: text,
    sku: text,
    assetTag: text,
    hostName: text,
    biosVersion: text,
    bootMode: text,
    power: PowerState,
    health: Health,
    processorCount: count,
    coreCount: count,
    memoryBytes: count,
  }),
  bmc: z.object({
    vendor: text.meta({
      description:
        "The Redfish service's vendor, normalised: dell, hpe, lenovo, supermicro, nvidia, ami, openbmc or as given",
    }),
    model: text,
    firmwareVersion: text,
    redfishVersion: text,
    uuid: text,
  }),
  processors: z.array(Processor),
  gpus: z.array(Gpu),
  memory: z.array(MemoryModule),
  drives: z.array(Drive),
  networkInterfaces: z.array(NetworkInterface),
  powerSupplies: z.array(PowerSupply),
  sensors: z.array(Sensor),
  firmware: z.array(Firmware),
  notSeen: z.array(z.object({ part: z.string(), reason: z.string() })).meta({
    description:
      "What could not be read and why (powered off, 404, licence): never mistaken for absent",
  }),
  oddities: z.array(z.string()).meta({
    description: "What the BMC said that the standard does not allow; read leniently and kept",
  }),
});

export type Inventory = z.infer<typeof Inventory>;
export type InventoryDrive = z.infer<typeof Drive>;
