import type { Body } from "#lab/bmc/answer.ts";
import { collection, healthy, link, links, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Cpu, Gpu } from "#lab/profiles/hardware.ts";
import type { Profile } from "#lab/profiles/profile.ts";

/** CPUs, and GPUs where the vendor counts them among the processors of a system. */
export function processors(profile: Profile): Routes {
  const home = `${paths(profile).system}/Processors`;
  return {
    [home]: {
      get: (call) =>
        collection(
          home,
          "Processor",
          ids(call).map((id) => `${home}/${id}`),
        ),
    },
    [`${home}/{id}`]: { get: (call) => processor(call, home) },
  };
}

function gpusHere(call: Call): readonly Gpu[] {
  return call.profile.layout.gpus === "processors" ? call.hardware.gpus : [];
}

function ids(call: Call): readonly string[] {
  return [...call.hardware.cpus, ...gpusHere(call)].map(({ id }) => id);
}

function processor(call: Call, home: string): Body | undefined {
  const id = call.params["id"];
  const cpu = call.hardware.cpus.find((candidate) => candidate.id === id);
  if (cpu !== undefined) return cpuBody(call.profile, cpu, `${home}/${cpu.id}`);
  const gpu = gpusHere(call).find((candidate) => candidate.id === id);
  return gpu === undefined ? undefined : gpuBody(call.profile, gpu, `${home}/${gpu.id}`);
}

export function cpuBody(profile: Profile, cpu: Cpu, path: string): Body {
  return {
    "@odata.id": path,
    "@odata.type": `#${profile.versions.processor}.Processor`,
    Id: cpu.id,
    Name: cpu.name,
    Socket: cpu.socket,
    ProcessorType: "CPU",
    ProcessorArchitecture: cpu.architecture,
    InstructionSet: cpu.architecture === "x86" ? "x86-64" : "ARM-A64",
    Manufacturer: cpu.manufacturer,
    Model: cpu.model,
    MaxSpeedMHz: cpu.maxSpeedMHz,
    TotalCores: cpu.cores,
    TotalThreads: cpu.threads,
    Status: healthy,
    Links: { Chassis: links([paths(profile).chassis])[0] },
  };
}

export function gpuBody(profile: Profile, gpu: Gpu, path: string): Body {
  return {
    "@odata.id": path,
    "@odata.type": `#${profile.versions.processor}.Processor`,
    Id: gpu.id,
    Name: gpu.name,
    ProcessorType: "GPU",
    Manufacturer: gpu.manufacturer,
    Model: gpu.model,
    PartNumber: gpu.partNumber,
    SerialNumber: gpu.serial,
    FirmwareVersion: gpu.firmwareVersion,
    MemorySummary: { TotalMemorySizeMiB: gpu.memoryMiB },
    Status: { State: "Enabled", Health: "OK" },
  };
}

/** GPUs as PCIe devices of the chassis, where the vendor does not count them among the processors. */
export function pcieDevices(profile: Profile): Routes {
  const { chassis } = paths(profile);
  const home = `${chassis}/PCIeDevices`;
  if (profile.layout.gpus !== "pcie-devices") return {};
  return {
    [home]: {
      get: (call) =>
        collection(
          home,
          "PCIeDevice",
          call.hardware.gpus.map(({ id }) => `${home}/${id}`),
        ),
    },
    [`${home}/{id}`]: {
      get: (call) => {
        const gpu = call.hardware.gpus.find(({ id }) => id === call.params["id"]);
        if (gpu === undefined) return undefined;
        return {
          "@odata.id": `${home}/${gpu.id}`,
          "@odata.type": "#PCIeDevice.v1_5_0.PCIeDevice",
          Id: gpu.id,
          Name: gpu.id,
          Description: "GPU Device",
          Manufacturer: gpu.manufacturer,
          Model: gpu.model,
          SerialNumber: gpu.serial,
          PartNumber: gpu.partNumber,
          FirmwareVersion: gpu.firmwareVersion,
          DeviceType: "MultiFunction",
          PCIeInterface: { PCIeType: "Gen5", MaxPCIeType: "Gen5", LanesInUse: 16, MaxLanes: 16 },
          Status: healthy,
          PCIeFunctions: link(`${home}/${gpu.id}/PCIeFunctions`),
          Links: { Chassis: links([chassis]) },
        };
      },
    },
    // Where the devices are shown, their functions say what they are.
    [`${home}/{id}/PCIeFunctions`]: {
      get: (call) => {
        const path = `${home}/${call.params["id"]}/PCIeFunctions`;
        const isKnown = call.hardware.gpus.some(({ id }) => id === call.params["id"]);
        return isKnown ? collection(path, "PCIeFunction", [`${path}/1`]) : undefined;
      },
    },
    [`${home}/{id}/PCIeFunctions/1`]: {
      get: (call) => {
        const gpu = call.hardware.gpus.find(({ id }) => id === call.params["id"]);
        if (gpu === undefined) return undefined;
        return {
          "@odata.id": `${home}/${gpu.id}/PCIeFunctions/1`,
          "@odata.type": "#PCIeFunction.v1_2_3.PCIeFunction",
          Id: "1",
          Name: `${gpu.id} Function`,
          DeviceClass: "ProcessingAccelerators",
          ClassCode: "0x030200",
          VendorId: "0x10de",
          FunctionId: 0,
          Status: healthy,
          Links: { PCIeDevice: link(`${home}/${gpu.id}`) },
        };
      },
    },
  };
}
