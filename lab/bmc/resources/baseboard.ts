import { collection, healthy, link, links, paths } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { cpuBody, gpuBody } from "./processors.ts";

const system = "/redfish/v1/Systems/HGX_Baseboard_0";
const manager = "/redfish/v1/Managers/HGX_BMC_0";
const chassis = "/redfish/v1/Chassis/HGX_Chassis_0";

/**
 * NVIDIA's GPU baseboard: a second ComputerSystem and a second Manager. It has no Reset action and no boot; it is the
 * host's inventory in another place.
 */
export function baseboard(profile: Profile): Routes {
  if (profile.layout.gpus !== "baseboard") return {};
  const processors = `${system}/Processors`;
  return {
    [system]: {
      get: (call) => ({
        "@odata.id": system,
        "@odata.type": `#${profile.versions.system}.ComputerSystem`,
        Id: "HGX_Baseboard_0",
        Name: "HGX_Baseboard_0",
        Description: "Computer System",
        SystemType: "Physical",
        Manufacturer: "NVIDIA",
        Model: profile.model,
        SerialNumber: `HGX${call.hardware.serial}`,
        PowerState: "On",
        Status: healthy,
        Processors: link(processors),
        ProcessorSummary: { Count: call.hardware.cpus.length },
        Links: { Chassis: links([chassis]), ManagedBy: links([manager]) },
      }),
    },
    [processors]: {
      get: (call) => {
        const all = [...call.hardware.cpus, ...call.hardware.gpus];
        return collection(
          processors,
          "Processor",
          all.map(({ id }) => `${processors}/${id}`),
        );
      },
    },
    [`${processors}/{id}`]: {
      get: (call) => {
        const id = call.params["id"];
        const cpu = call.hardware.cpus.find((candidate) => candidate.id === id);
        if (cpu !== undefined) return cpuBody(profile, cpu, `${processors}/${cpu.id}`);
        const gpu = call.hardware.gpus.find((candidate) => candidate.id === id);
        return gpu === undefined ? undefined : gpuBody(profile, gpu, `${processors}/${gpu.id}`);
      },
    },
    [manager]: {
      get: (call) => ({
        "@odata.id": manager,
        "@odata.type": `#${profile.versions.manager}.Manager`,
        Id: "HGX_BMC_0",
        Name: "OpenBmc Manager",
        ManagerType: "BMC",
        Model: "OpenBmc",
        FirmwareVersion: call.hardware.firmware.find(({ id }) => id === "HGX_FW_BMC_0")?.version,
        Status: healthy,
        Links: { ManagerForServers: links([system]), ManagerForChassis: links([chassis]) },
      }),
    },
    [chassis]: {
      get: () => ({
        "@odata.id": chassis,
        "@odata.type": `#${profile.versions.chassis}.Chassis`,
        Id: "HGX_Chassis_0",
        Name: "HGX_Chassis_0",
        ChassisType: "Module",
        Manufacturer: "NVIDIA",
        Model: profile.model,
        Status: healthy,
        Links: {
          ComputerSystems: links([system]),
          ManagedBy: links([manager]),
          ContainedBy: link(paths(profile).chassis),
        },
      }),
    },
  };
}
