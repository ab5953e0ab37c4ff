import type { Inventory } from "#contract/inventory.ts";
import type { Hardware } from "./kinds.ts";

const reason = "Metal3's inspection does not tell";

/** Metal3's inspection in Millwright's form. What it never tells is said not to have been seen, so that it is not taken for missing. */
export function inventoryOf(hardware: Hardware): Inventory {
  const { cpu, firmware, hostname, nics, ramMebibytes, storage, systemVendor } = hardware;
  return {
    system: {
      uuid: null,
      serial: systemVendor?.serialNumber ?? null,
      manufacturer: systemVendor?.manufacturer ?? null,
      model: systemVendor?.productName ?? null,
      sku: null,
      assetTag: null,
      hostName: hostname ?? null,
      biosVersion: firmware?.bios?.version ?? null,
      bootMode: null,
      power: "unknown",
      health: "unknown",
      processorCount: null,
      coreCount: cpu?.count ?? null,
      memoryBytes: ramMebibytes === undefined ? null : ramMebibytes * 1024 * 1024,
    },
    bmc: { vendor: null, model: null, firmwareVersion: null, redfishVersion: null, uuid: null },
    processors: [],
    gpus: [],
    memory: [],
    drives: storage.map((drive) => ({
      ...unnamed,
      id: drive.serialNumber ?? drive.name,
      name: drive.name,
      manufacturer: drive.vendor ?? null,
      model: drive.model ?? null,
      serial: drive.serialNumber ?? null,
      sizeBytes: drive.sizeBytes ?? null,
      mediaType: mediaTypeOf(drive),
      protocol: drive.type === "NVME" ? "NVMe" : null,
      slot: null,
      controller: null,
      secureErase: false,
    })),
    networkInterfaces: nics
      // One entry for each address of a card: its MAC is what tells cards apart.
      .filter(({ mac }, index) => nics.findIndex((other) => other.mac === mac) === index)
      .map((nic) => ({
        ...unnamed,
        id: nic.mac.toLowerCase(),
        name: nic.name,
        model: nic.model ?? null,
        macAddress: nic.mac.toLowerCase(),
        linkUp: null,
        speedMbps: nic.speedGbps === undefined ? null : nic.speedGbps * 1_000,
      })),
    powerSupplies: [],
    sensors: [],
    firmware: [],
    notSeen: ["processors", "gpus", "memory", "power supplies", "sensors", "firmware"].map(
      (part) => ({ part, reason }),
    ),
    oddities: [],
  };
}

const unnamed = {
  manufacturer: null,
  model: null,
  serial: null,
  partNumber: null,
  health: "unknown",
} as const;

const mediaTypeOf = ({ type, rotational }: Hardware["storage"][number]): string | null =>
  type === "HDD" || rotational === true ? "HDD" : type === undefined ? null : "SSD";
