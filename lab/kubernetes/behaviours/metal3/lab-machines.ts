import type { Bmc } from "#lab/bmc/bmc.ts";
import { checkPassword } from "#lab/bmc/credentials.ts";
import type { Fleet } from "#lab/fleet.ts";
import { hardwareOf } from "#lab/profiles/built.ts";
import { allDrives, drivePart, memoryPart } from "#lab/profiles/hardware.ts";
import type { Drive, Hardware } from "#lab/profiles/hardware.ts";
import { powerState, presentDisks } from "#lab/world/machine.ts";
import type { World } from "#lab/world/world.ts";
import { originOf } from "./bmc-address.ts";
import type { HardwareDetails, Machine, Machines } from "./machines.ts";

export interface LabMachinesPorts {
  readonly world: World;
  readonly fleet: Fleet;
}

/**
 * The lab's own servers behind BareMetalHosts, found by the port of their BMC. Everything goes through the world's
 * commands: Redfish shows the power that Metal3 gives, and the effect log has it once.
 */
export function labMachines({ world, fleet }: LabMachinesPorts): Machines {
  const byPort = new Map<number, Bmc>();
  return {
    find(address) {
      const port = originOf(address)?.port ?? 0;
      let bmc = byPort.get(port);
      // BMCs are added while the lab runs.
      if (bmc === undefined) {
        bmc = fleet.list().find((candidate) => candidate.port === port);
        if (bmc !== undefined) byPort.set(port, bmc);
      }
      return bmc === undefined || !isLocal(address) ? null : machineOf(bmc, world);
    },
  };
}

function isLocal(address: string): boolean {
  const host = originOf(address)?.host ?? "";
  return host.startsWith("127.") || host === "localhost" || host === "[::1]";
}

function machineOf(bmc: Bmc, world: World): Machine {
  const { name, traits, sessions } = bmc;
  return {
    name,
    hardware: () => {
      const { pulled } = world.machine(name);
      return detailsOf(bmc, hardwareOf(bmc.profile, name), pulled);
    },
    checkAccess(username, password) {
      if (traits.isDead || bmc.isRestarting()) return "unreachable";
      const machine = world.machine(name);
      const isRight = checkPassword({ machine, sessions, traits, username, password });
      return isRight ? "ok" : "refused";
    },
    power() {
      if (traits.liesAboutPower) return "off";
      const power = powerState(world.machine(name));
      return power === "On" || power === "PoweringOff" ? "on" : "off";
    },
    setPower(power, how, key) {
      const off = how === "soft" ? "GracefulShutdown" : "ForceOff";
      world.command(name, { do: "reset", type: power === "on" ? "On" : off }, key);
    },
    restart(how, key) {
      const type = how === "soft" ? "GracefulRestart" : "ForceRestart";
      world.command(name, { do: "reset", type }, key);
    },
    writeImage(url, key) {
      if (presentDisks(world.machine(name)).length === 0) {
        return "No suitable device was found for deployment";
      }
      world.command(name, { do: "write-image", os: systemIn(url) }, key);
      return traits.installHangs ? "timeout reached while waiting for the deployment agent" : null;
    },
    wipe(key) {
      world.command(name, { do: "clean-disks" }, key);
      return traits.eraseFails ? "a drive did not take the erase command" : null;
    },
  };
}

/** The operating system that an image holds, by its file name: `debian-13` of `http://…/debian-13.qcow2?x`. */
function systemIn(url: string): string {
  const [path = ""] = url.split(/[?#]/);
  const file = path.split("/").at(-1) ?? "";
  return file.replace(/\.(qcow2|raw|img|iso|vmdk|vdi)(\.[gx]z)?$/i, "");
}

function detailsOf(bmc: Bmc, hardware: Hardware, pulled: readonly string[]): HardwareDetails {
  const [cpu] = hardware.cpus;
  const bios = hardware.firmware.find(({ name }) => /bios|uefi|system rom/i.test(name));
  const dimms = hardware.dimms.filter((dimm) => !pulled.includes(memoryPart(dimm)));
  const drives = allDrives(hardware).filter((drive) => !pulled.includes(drivePart(drive)));
  const arch = cpu?.architecture === "ARM" ? "aarch64" : "x86_64";
  return {
    cpu: {
      arch,
      clockMegahertz: cpu?.maxSpeedMHz ?? 0,
      count: hardware.cpus.reduce((sum, { threads }) => sum + threads, 0),
      flags: arch === "x86_64" ? ["aes", "avx2", "avx512f", "lm", "vmx"] : ["aes", "asimd", "sve"],
      model: cpu?.model ?? "",
    },
    firmware: {
      bios: { date: "", vendor: bmc.profile.vendor, version: bios?.version ?? "" },
    },
    hostname: bmc.name,
    nics: hardware.nics.map(({ mac, name, speedMbps, hasLink }, index) => ({
      mac: mac.toLowerCase(),
      model: name,
      name: `eno${index + 1}`,
      pxe: index === 0 && hasLink,
      speedGbps: Math.floor(speedMbps / 1000),
    })),
    ramMebibytes: dimms.reduce((sum, { module }) => sum + (module?.capacityMiB ?? 0), 0),
    storage: drives.map(diskOf),
    systemVendor: {
      manufacturer: bmc.profile.vendor,
      productName: bmc.profile.model,
      serialNumber: hardware.serial,
    },
  };
}

function diskOf(drive: Drive, index: number): HardwareDetails["storage"][number] {
  const isNvme = drive.protocol === "NVMe";
  return {
    name: isNvme ? `/dev/nvme${index}n1` : `/dev/sd${String.fromCodePoint(97 + index)}`,
    alternateNames: [`/dev/disk/by-id/${drive.serial}`],
    model: drive.model,
    rotational: drive.mediaType === "HDD",
    serialNumber: drive.serial,
    sizeBytes: drive.capacityBytes,
    type: isNvme ? "NVME" : drive.mediaType,
    vendor: drive.manufacturer,
  };
}
