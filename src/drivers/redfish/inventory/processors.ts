import type { Inventory } from "#contract/inventory.ts";
import type { Host } from "#drivers/redfish/machine.ts";
import {
  bySerial,
  componentOf,
  isAbsent,
  type Part,
  slotLabel,
  type Survey,
  withUniqueIds,
} from "./survey.ts";

type Processor = Inventory["processors"][number];
type Gpu = Inventory["gpus"][number];

const mib = 1024 ** 2;

const kindOf = ({ facts }: Part): string => facts.text("ProcessorType") ?? "CPU";

const processorOf = (part: Part): Processor => ({
  ...componentOf(part),
  model: part.facts.text("Model") ?? part.facts.text("Version"),
  socket: part.facts.text("Socket") ?? slotLabel(part.facts),
  cores: part.facts.count("TotalCores"),
  threads: part.facts.count("TotalThreads"),
  architecture: part.facts.text("InstructionSet") ?? part.facts.text("ProcessorArchitecture"),
  maxSpeedMhz: part.facts.count("MaxSpeedMHz"),
});

/** A GPU's own memory: its summary, else the sum of its banks. */
const memoryBytes = (part: Part): number | null => {
  const summary = part.facts.at("MemorySummary").count("TotalMemorySizeMiB");
  if (summary !== null && summary > 0) return summary * mib;
  const banks = part.facts
    .list("ProcessorMemory")
    .map((bank) => bank.count("CapacityMiB") ?? 0)
    .reduce((sum, size) => sum + size, 0);
  return banks > 0 ? banks * mib : null;
};

const gpuOf = (part: Part, device: Part | null): Gpu => {
  const own = componentOf(part);
  const other = device === null ? null : componentOf(device);
  return {
    ...own,
    // Lenovo leaves the model to the PCIe device, and there to its name.
    model: own.model ?? other?.model ?? other?.name ?? null,
    manufacturer: own.manufacturer ?? other?.manufacturer ?? null,
    serial: own.serial ?? other?.serial ?? null,
    partNumber: own.partNumber ?? other?.partNumber ?? null,
    health: own.health === "unknown" ? (other?.health ?? "unknown") : own.health,
    memoryBytes: memoryBytes(part),
    slot:
      slotLabel(part.facts) ??
      (device === null ? null : (slotLabel(device.facts) ?? slotOfDevice(device))),
    uuid: part.facts.text("UUID"),
  };
};

const slotOfDevice = ({ facts }: Part): string | null =>
  facts.at("Slot").at("Location").at("PartLocation").text("ServiceLabel");

export interface Processors {
  readonly processors: Processor[];
  readonly gpus: Gpu[];
}

/**
 * CPUs of the host; GPUs of every system of the service, because NVIDIA's baseboard is one of its own. Where
 * no Processor is a GPU (Supermicro), PCIe devices that are one count instead.
 */
export const readProcessors = async (
  survey: Survey,
  host: Host,
  systems: readonly Part[],
  chassis: readonly Part[],
): Promise<Processors> => {
  const own = await survey.members("processors", host.system.link("Processors"));
  const present = own.filter(({ facts }) => !isAbsent(facts));
  const others: Part[] = [];
  for (const { path, facts } of systems) {
    if (path === host.path) continue;
    others.push(...(await survey.members("gpus", facts.link("Processors"))));
  }
  const found = [...present, ...others].filter(
    (part) => kindOf(part) === "GPU" && !isAbsent(part.facts),
  );
  const gpus: Gpu[] = [];
  const paths: string[] = [];
  for (const part of bySerial(found)) {
    const link = part.facts.at("Links").link("PCIeDevice");
    const device = part.facts.has("Model") ? null : await survey.look(link);
    gpus.push(
      gpuOf(part, device?.kind === "found" ? { path: link ?? "", facts: device.facts } : null),
    );
    paths.push(part.path);
  }
  const cpus = present.filter((part) => kindOf(part) === "CPU");
  return {
    processors: withUniqueIds(
      cpus.map(processorOf),
      cpus.map(({ path }) => path),
    ),
    gpus:
      gpus.length > 0 ? withUniqueIds(gpus, paths) : await readGpuDevices(survey, host, chassis),
  };
};

const gpuWords =
  /\b(?:gpu|tesla|geforce|instinct|radeon pro|[ahlvb]\d{2,3}l?s?\b.*(?:gb|hbm|pcie|sxm))/i;
const boardGraphics = /aspeed|matrox|mgag|ast\d{4}/i;

/**
 * A PCIe device is a GPU when it says so in its id, name or model. Not by DeviceClass alone: the BMC's own
 * graphics chip is a DisplayController too.
 */
const isGpuDevice = ({ facts }: Part): boolean => {
  const words = [facts.text("Id"), facts.text("Name"), facts.text("Model")].filter(
    (text) => text !== null,
  );
  const all = words.join(" ");
  return (/^gpu/i.test(words[0] ?? "") || gpuWords.test(all)) && !boardGraphics.test(all);
};

const readGpuDevices = async (
  survey: Survey,
  host: Host,
  chassis: readonly Part[],
): Promise<Gpu[]> => {
  const devices = await survey.follow("gpus", host.system.links("PCIeDevices"));
  for (const { facts } of chassis) {
    devices.push(...(await survey.members("gpus", facts.link("PCIeDevices"))));
  }
  const gpus = bySerial(devices.filter((part) => isGpuDevice(part) && !isAbsent(part.facts)));
  return withUniqueIds(
    gpus.map((part) => gpuOf(part, part)),
    gpus.map(({ path }) => path),
  );
};
