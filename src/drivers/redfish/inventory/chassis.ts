import { keyOf } from "#drivers/redfish/address.ts";
import type { Host } from "#drivers/redfish/machine.ts";
import type { Part, Survey } from "./survey.ts";

const maxChassis = 96;

/**
 * The chassis of a machine: all of the service but those that say they hold other systems only (the
 * neighbours in a multi-node chassis). NVIDIA's machines have some forty, a rack server one to three.
 */
export const readChassis = async (
  survey: Survey,
  systems: readonly Part[],
): Promise<readonly Part[]> => {
  const root = await survey.talk.root();
  const all = await survey.members("chassis", root.chassis, { cap: maxChassis });
  const ours = new Set(systems.map(({ path }) => keyOf(path)));
  return all.filter(({ facts }) => {
    const holds = facts.at("Links").links("ComputerSystems");
    return holds.length === 0 || holds.some((link) => ours.has(keyOf(link)));
  });
};

const housings = new Set([
  "RackMount",
  "Shelf",
  "Sled",
  "Blade",
  "StandAlone",
  "Enclosure",
  "Sidecar",
]);

/** The chassis that a person would call the machine: it has the serial number where the system has none. */
export const housingOf = (host: Host, chassis: readonly Part[]): Part | null => {
  const linked = new Set(host.system.at("Links").links("Chassis").map(keyOf));
  const holding = chassis.filter(({ path, facts }) => {
    const systems = facts.at("Links").links("ComputerSystems");
    return linked.has(keyOf(path)) || systems.some((link) => keyOf(link) === keyOf(host.path));
  });
  const kind = (part: Part): string => part.facts.text("ChassisType") ?? "";
  return (
    holding.find((part) => housings.has(kind(part))) ??
    holding.find((part) => linked.has(keyOf(part.path))) ??
    null
  );
};
