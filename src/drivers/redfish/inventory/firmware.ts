import type { Inventory } from "#contract/inventory.ts";
import type { Part, Survey } from "./survey.ts";

type Firmware = Inventory["firmware"][number];

/** Images that lie in reserve or wait to be installed: not what runs. */
const inReserve =
  /(?:^|[-_ ])(?:previous|backup|golden|staging|staged|pending|recovery)(?:$|[-_ ])/i;

const lastPart = (path: string): string => path.replace(/\/+$/, "").split("/").at(-1) ?? path;

/** Dell ids are `Installed-<component>-<version>__<device>`; what stands behind `__` is the device. */
const dellDevice = (id: string, kind: "Installed" | "Current"): string | null =>
  id.startsWith(`${kind}-`) ? (id.split("__")[1] ?? null) : null;

const versionOf = ({ facts }: Part): string | null =>
  facts.text("Version") ?? facts.text("VersionString");

/**
 * What runs on the parts of the machine. Entries of images in reserve are skipped, and Dell's `Current-` where
 * it lists the same device as `Installed-`.
 */
export const readFirmware = async (survey: Survey): Promise<Firmware[]> => {
  const root = await survey.talk.root();
  const service = await survey.read("firmware", root.updateService);
  if (service === null) return [];
  const skip = (path: string): boolean =>
    inReserve.test(decodeURIComponentLeniently(lastPart(path)));
  const parts: Part[] = [];
  for (const name of ["FirmwareInventory", "SoftwareInventory"]) {
    parts.push(...(await survey.members("firmware", service.link(name), { skip })));
  }
  const idOf = ({ path, facts }: Part): string => facts.text("Id") ?? lastPart(path);
  const installed = new Set(parts.map((part) => dellDevice(idOf(part), "Installed")));
  return parts
    .filter((part) => {
      const device = dellDevice(idOf(part), "Current");
      return device === null || !installed.has(device);
    })
    .filter(({ facts }) => !inReserve.test(facts.text("Name") ?? ""))
    .map((part) => ({
      id: idOf(part),
      name: part.facts.text("Name"),
      version: versionOf(part),
      updateable: part.facts.flag("Updateable"),
    }));
};

const decodeURIComponentLeniently = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
