import type { Inventory } from "#contract/inventory.ts";
import type { Facts } from "#drivers/redfish/facts.ts";
import type { Host } from "#drivers/redfish/machine.ts";
import { componentOf, isAbsent, type Part, type Survey, withUniqueIds } from "./survey.ts";

type NetworkInterface = Inventory["networkInterfaces"][number];

const macShape = /^[0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){5}$/i;

/** Lower case with colons; null for "", "Not Available" and what is no 48-bit address. */
export const macOf = (text: string | null): string | null =>
  text !== null && macShape.test(text)
    ? (text.toLowerCase().replace(/[:-]/g, "").match(/../g)?.join(":") ?? null)
    : null;

const linkStates: Readonly<Record<string, boolean>> = {
  linkup: true,
  up: true,
  linkdown: false,
  down: false,
  nolink: false,
};

const linkUpOf = (facts: Facts): boolean | null =>
  linkStates[facts.text("LinkStatus")?.toLowerCase() ?? ""] ?? null;

const interfaceOf = (part: Part, mac: string | null): NetworkInterface => ({
  ...componentOf(part),
  macAddress: mac,
  linkUp: linkUpOf(part.facts),
  speedMbps: part.facts.count("SpeedMbps"),
});

const ownMac = (facts: Facts): string | null =>
  macOf(facts.text("MACAddress")) ?? macOf(facts.text("PermanentMACAddress"));

/** Cards list their ports' addresses under NetworkDeviceFunctions. */
const readFunctions = async (survey: Survey, chassis: readonly Part[]): Promise<Part[]> => {
  const functions: Part[] = [];
  for (const { facts } of chassis) {
    for (const adapter of await survey.members(
      "networkInterfaces",
      facts.link("NetworkAdapters"),
    )) {
      functions.push(
        ...(await survey.members(
          "networkInterfaces",
          adapter.facts.link("NetworkDeviceFunctions"),
        )),
      );
    }
  }
  return functions;
};

/**
 * The host's network interfaces. A machine whose system lists none (NVIDIA GB200) is asked for the functions
 * of its network cards. Those without an address are left out there, where they are mere storage or fabric.
 */
export const readNetwork = async (
  survey: Survey,
  host: Host,
  chassis: readonly Part[],
): Promise<NetworkInterface[]> => {
  const listed = await survey.members("networkInterfaces", host.system.link("EthernetInterfaces"));
  const own = listed.filter(({ facts }) => !isAbsent(facts));
  if (own.length > 0) {
    return withUniqueIds(
      own.map((part) => interfaceOf(part, ownMac(part.facts))),
      own.map(({ path }) => path),
    );
  }
  const functions = (await readFunctions(survey, chassis)).flatMap((part) => {
    const ethernet = part.facts.at("Ethernet");
    const mac = ownMac(ethernet);
    return mac === null ? [] : [{ part, mac }];
  });
  if (functions.length === 0) {
    survey.miss("networkInterfaces", "the machine lists no interface with an address");
  }
  return withUniqueIds(
    functions.map(({ part, mac }) => interfaceOf(part, mac)),
    functions.map(({ part }) => part.path),
  );
};
