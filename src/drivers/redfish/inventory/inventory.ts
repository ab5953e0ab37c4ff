import type { z } from "zod";
import type { Health, Inventory } from "#contract/inventory.ts";
import { keyOf } from "#drivers/redfish/address.ts";
import { bmcOf, namesOf, uuidOf } from "#drivers/redfish/identity.ts";
import { type Host, readHost, readManagers } from "#drivers/redfish/machine.ts";
import { powerOf } from "#drivers/redfish/power.ts";
import type { Conversation } from "#drivers/redfish/wire/conversation.ts";
import { housingOf, readChassis } from "./chassis.ts";
import { readDrives } from "./drives.ts";
import { readPowerSupplies, readSensors } from "./environment.ts";
import { readFirmware } from "./firmware.ts";
import { readMemory } from "./memory.ts";
import { readNetwork } from "./network.ts";
import { readProcessors } from "./processors.ts";
import { healthFrom, type Part, Survey } from "./survey.ts";

const gib = 1024 ** 3;

/** The host and the systems beside it that add parts to it (GPU baseboards). */
const readSystems = async (survey: Survey, host: Host): Promise<Part[]> => {
  const root = await survey.talk.root();
  const listed = await survey.members("systems", root.systems, {
    cap: 16,
    skip: (path) => keyOf(path) === keyOf(host.path),
  });
  const parts = listed.filter(
    // A DPU in the machine is a computer of its own.
    ({ facts }) => facts.text("SystemType") !== "DPU",
  );
  return [{ path: host.path, facts: host.system }, ...parts];
};

type HealthValue = z.infer<typeof Health>;

const worst = (values: readonly HealthValue[]): HealthValue => {
  const order: readonly HealthValue[] = ["failed", "degraded", "healthy"];
  return order.find((value) => values.includes(value)) ?? "unknown";
};

/** Parts whose absence from a reading of a machine that is off means nothing. */
const needsPower = ["processors", "gpus", "memory", "drives", "networkInterfaces"] as const;

/** See `BmcPort.readInventory`. */
export const readInventory = async (talk: Conversation): Promise<Inventory> => {
  const root = await talk.root();
  const host = await readHost(talk);
  const survey = new Survey(talk);
  const [manager = null] = await readManagers(talk, host);
  if (manager === null) survey.miss("bmc", "no manager of this system can be read");
  const systems = await readSystems(survey, host);
  const chassis = await readChassis(survey, systems);
  const parts = {
    ...(await readProcessors(survey, host, systems, chassis)),
    memory: await readMemory(survey, host),
    drives: (await readDrives(survey, host, chassis)).map(({ drive }) => drive),
    networkInterfaces: await readNetwork(survey, host, chassis),
    powerSupplies: await readPowerSupplies(survey, chassis),
    sensors: await readSensors(survey, chassis),
    firmware: await readFirmware(survey),
  };
  const { power } = powerOf(host.system);
  if (power === "off") {
    for (const name of needsPower) {
      survey.miss(name, "the machine is powered off: parts may be missing or out of date");
    }
  }
  const status = host.system.at("Status");
  const memoryGib = host.system.at("MemorySummary").number("TotalSystemMemoryGiB");
  const summary = host.system.at("ProcessorSummary");
  const housing = housingOf(host, chassis);
  return {
    system: {
      uuid: uuidOf(host.system.text("UUID")),
      ...namesOf(host, housing),
      sku: host.system.text("SKU"),
      assetTag: host.system.text("AssetTag"),
      hostName: host.system.text("HostName"),
      biosVersion: host.system.text("BiosVersion"),
      bootMode: host.system.at("Boot").text("BootSourceOverrideMode"),
      power,
      health:
        status.text("HealthRollup") === null
          ? worst([
              healthFrom(status.text("Health")),
              ...[parts.processors, parts.gpus, parts.memory, parts.drives, parts.powerSupplies]
                .flat()
                .map(({ health }) => health),
            ])
          : healthFrom(status.text("HealthRollup")),
      processorCount:
        parts.processors.length > 0 ? parts.processors.length : summary.count("Count"),
      coreCount: coresOf(parts.processors) ?? summary.count("CoreCount"),
      memoryBytes:
        memoryGib === null || memoryGib < 0
          ? sumOf(parts.memory.map(({ sizeBytes }) => sizeBytes))
          : Math.round(memoryGib * gib),
    },
    bmc: {
      ...bmcOf(root.vendor, host, manager),
      redfishVersion: root.redfishVersion,
      uuid: uuidOf(manager?.facts.text("UUID") ?? root.uuid),
    },
    ...parts,
    notSeen: [...survey.notSeen],
    oddities: [...talk.oddities],
  };
};

const sumOf = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
};

/** Null unless every processor tells, since a partial sum would be wrong. */
const coresOf = (processors: Inventory["processors"]): number | null =>
  processors.length > 0 && processors.every(({ cores }) => cores !== null)
    ? sumOf(processors.map(({ cores }) => cores))
    : null;
