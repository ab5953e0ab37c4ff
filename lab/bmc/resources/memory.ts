import type { Body } from "#lab/bmc/answer.ts";
import { collection, link, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import { memoryPart } from "#lab/profiles/hardware.ts";
import type { Dimm } from "#lab/profiles/hardware.ts";
import type { Profile } from "#lab/profiles/profile.ts";

export function memory(profile: Profile): Routes {
  const home = `${paths(profile).system}/Memory`;
  return {
    [home]: {
      get: (call) =>
        collection(
          home,
          "Memory",
          shown(call).map(({ id }) => `${home}/${id}`),
        ),
    },
    [`${home}/{id}`]: {
      get: (call) => {
        const dimm = shown(call).find(({ id }) => id === call.params["id"]);
        return dimm === undefined ? undefined : dimmBody(profile, dimm, `${home}/${dimm.id}`);
      },
    },
  };
}

/** The slots that this vendor lists; a pulled module leaves an empty slot. */
function shown(call: Call): readonly Dimm[] {
  const slots = call.hardware.dimms.map((dimm) =>
    call.machine.pulled.includes(memoryPart(dimm)) ? { ...dimm, module: null } : dimm,
  );
  return call.profile.layout.emptyDimm === "left-out"
    ? slots.filter(({ module }) => module !== null)
    : slots;
}

function dimmBody(profile: Profile, dimm: Dimm, path: string): Body {
  const common = {
    "@odata.id": path,
    "@odata.type": `#${profile.versions.memory}.Memory`,
    Id: dimm.id,
    Name: dimm.name,
    DeviceLocator: dimm.locator,
  };
  const { module } = dimm;
  if (module === null) {
    return {
      ...common,
      CapacityMiB: profile.layout.emptyDimm === "zero" ? 0 : null,
      Status: { State: "Absent", Health: null },
    };
  }
  return {
    ...common,
    MemoryType: "DRAM",
    MemoryDeviceType: module.type,
    BaseModuleType: "RDIMM",
    CapacityMiB: module.capacityMiB,
    OperatingSpeedMhz: module.speedMHz,
    AllowedSpeedsMHz: [module.speedMHz],
    Manufacturer: module.manufacturer,
    PartNumber: module.partNumber,
    SerialNumber: module.serial,
    ErrorCorrection: "MultiBitECC",
    DataWidthBits: 64,
    BusWidthBits: 72,
    Status: { State: "Enabled", Health: "OK" },
    Links: { Chassis: link(paths(profile).chassis) },
  };
}
