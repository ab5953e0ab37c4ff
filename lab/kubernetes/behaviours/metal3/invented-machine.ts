import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { after, left, second } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { digits, seedOf } from "#lab/profiles/seed.ts";
import { specOf } from "./host.ts";
import type { HardwareDetails, Machine } from "./machines.ts";
import type { HostMemory, InventedMemory } from "./turn.ts";

const powerOnMs = 10 * second;
const powerOffMs = 5 * second;
const shutdownMs = 30 * second;

/** A plain server for a host whose BMC address is none of the lab's: its power and its disk live in the host's memory. */
export function inventMachine(
  host: KubeObject,
  memory: HostMemory,
  cluster: ClusterClient,
): Machine {
  const { name } = host.metadata;
  const now = (): InventedMemory => {
    const machine = memory.invented ?? { power: "off" };
    const { changing, ...rest } = machine;
    if (changing === undefined || left(cluster, changing.at) > 0) return machine;
    return { ...rest, power: changing.to };
  };
  const note = (action: string, detail: Readonly<Record<string, unknown>>, key: string): void =>
    cluster.effect(name, action, detail, key);
  return {
    name,
    hardware: () => hardware(host),
    checkAccess: () => "ok",
    power: () => now().power,
    setPower(to, how, key) {
      const machine = now();
      memory.invented = machine;
      if ((machine.changing?.to ?? machine.power) === to) return;
      const offMs = how === "soft" ? shutdownMs : powerOffMs;
      const at = after(cluster, to === "on" ? powerOnMs : offMs);
      memory.invented = { ...machine, changing: { to, at } };
      note(`power-${to}`, { how }, key);
    },
    restart: (how, key) => note("restart", { how }, key),
    writeImage(url, key) {
      const machine = now();
      memory.invented = machine;
      if (machine.image === url) return null;
      memory.invented = { ...machine, image: url };
      note("image-written", { image: url }, key);
      return null;
    },
    wipe(key) {
      const { image, ...machine } = now();
      memory.invented = machine;
      if (image !== undefined) note("disks-cleaned", { method: "metadata" }, key);
      return null;
    },
  };
}

function hardware(host: KubeObject): HardwareDetails {
  const { name } = host.metadata;
  const seed = seedOf(name);
  const mac = specOf(host).bootMACAddress ?? seed.mac("52:54:00", 0).toLowerCase();
  const disk = (index: number): HardwareDetails["storage"][number] => ({
    name: `/dev/sd${"ab"[index] ?? "c"}`,
    alternateNames: [`/dev/disk/by-path/pci-0000:00:1f.2-ata-${index + 1}`],
    model: "MZ7L3960HCJR",
    rotational: false,
    serialNumber: seed.text(`disk-${index}`, 14),
    sizeBytes: 960_197_124_096,
    type: "SSD",
    vendor: "Samsung",
  });
  return {
    cpu: {
      arch: "x86_64",
      clockMegahertz: 2400,
      count: 64,
      flags: ["aes", "avx2", "avx512f", "lm", "vmx"],
      model: "Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz",
    },
    firmware: { bios: { date: "2025-03-14", vendor: "American Megatrends", version: "2.7" } },
    hostname: name,
    nics: [
      { mac, model: "0x8086 0x1592", name: "ens1f0", pxe: true, speedGbps: 25 },
      {
        mac: seed.mac("52:54:00", 1).toLowerCase(),
        model: "0x8086 0x1592",
        name: "ens1f1",
        pxe: false,
        speedGbps: 25,
      },
    ],
    ramMebibytes: 262_144,
    storage: [disk(0), disk(1)],
    systemVendor: {
      manufacturer: "Lab Systems",
      productName: "LS-1000",
      serialNumber: seed.text("serial", 10, digits),
    },
  };
}
