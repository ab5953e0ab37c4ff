import type { Inventory } from "#contract/inventory.ts";
import type { Host } from "#drivers/redfish/machine.ts";
import { componentOf, isAbsent, slotLabel, type Survey, withUniqueIds } from "./survey.ts";

type MemoryModule = Inventory["memory"][number];

const mib = 1024 ** 2;

/** The modules that are there; empty sockets are Absent with 0 (HPE) or null (Lenovo), or not listed. */
export const readMemory = async (survey: Survey, host: Host): Promise<MemoryModule[]> => {
  const parts = await survey.members("memory", host.system.link("Memory"));
  const present = parts.filter(({ facts }) => !isAbsent(facts) && facts.count("CapacityMiB") !== 0);
  const modules = present.map((part): MemoryModule => {
    const size = part.facts.count("CapacityMiB");
    return {
      ...componentOf(part),
      slot: slotLabel(part.facts) ?? part.facts.text("DeviceLocator"),
      sizeBytes: size === null ? null : size * mib,
      type: part.facts.text("MemoryDeviceType"),
      speedMhz: part.facts.count("OperatingSpeedMhz"),
    };
  });
  return withUniqueIds(
    modules,
    present.map(({ path }) => path),
  );
};
