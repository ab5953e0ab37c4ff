import type { InventoryDrive } from "#contract/inventory.ts";
import { keyOf } from "#drivers/redfish/address.ts";
import { actionOf } from "#drivers/redfish/action.ts";
import type { Facts } from "#drivers/redfish/facts.ts";
import type { Host } from "#drivers/redfish/machine.ts";
import {
  componentOf,
  isAbsent,
  type Part,
  serialOf,
  slotLabel,
  type Survey,
  withUniqueIds,
} from "./survey.ts";

/** A drive with everything that inspection and erasing need of it. */
export interface FoundDrive {
  readonly drive: InventoryDrive;
  /** The resource that offers most: of several that show one drive, the one with SecureErase. */
  readonly path: string;
  readonly facts: Facts;
}

interface Sighting extends Part {
  readonly controller: string | null;
}

export const eraseActionOf = (facts: Facts) => actionOf(facts, "#Drive.SecureErase");

const controllerOf = ({ facts, path }: Part): string =>
  facts.list("StorageControllers")[0]?.text("Model") ??
  facts.list("StorageControllers")[0]?.text("Name") ??
  facts.text("Name") ??
  facts.text("Id") ??
  path;

/** SimpleStorage knows neither serial numbers nor actions; it counts only where nothing else tells of drives. */
const simpleDrives = async (survey: Survey, host: Host): Promise<FoundDrive[]> => {
  const stores = await survey.members("drives", host.system.link("SimpleStorage"));
  return stores.flatMap((store) =>
    store.facts.list("Devices").flatMap((facts, index) =>
      isAbsent(facts)
        ? []
        : [
            driveOf({
              path: `${store.path}#/Devices/${index}`,
              facts,
              controller: controllerOf(store),
            }),
          ],
    ),
  );
};

const driveOf = (seen: Sighting): FoundDrive => ({
  path: seen.path,
  facts: seen.facts,
  drive: {
    ...componentOf(seen),
    sizeBytes: seen.facts.count("CapacityBytes"),
    mediaType: seen.facts.text("MediaType"),
    protocol: seen.facts.text("Protocol"),
    slot: slotLabel(seen.facts),
    controller: seen.controller,
    secureErase: eraseActionOf(seen.facts) !== null,
  },
});

/**
 * The drives that are there, each once: HPE and NVIDIA list a drive under the system's storage and under its
 * chassis, told to be one by its serial number.
 */
export const readDrives = async (
  survey: Survey,
  host: Host,
  chassis: readonly Part[],
): Promise<FoundDrive[]> => {
  const sightings: Sighting[] = [];
  for (const store of await survey.members("drives", host.system.link("Storage"))) {
    const controller = controllerOf(store);
    const drives = await survey.follow("drives", store.facts.links("Drives"));
    sightings.push(...drives.map((drive) => ({ ...drive, controller })));
  }
  for (const { facts } of chassis) {
    const drives = await survey.members("drives", facts.link("Drives"));
    sightings.push(...drives.map((drive) => ({ ...drive, controller: null })));
  }
  const merged = new Map<string, Sighting>();
  for (const seen of sightings) {
    if (isAbsent(seen.facts)) continue;
    const serial = serialOf(seen.facts);
    const key = serial === null ? keyOf(seen.path) : `serial ${serial.toLowerCase()}`;
    const known = merged.get(key);
    const better =
      known === undefined ||
      (eraseActionOf(known.facts) === null && eraseActionOf(seen.facts) !== null);
    if (better)
      merged.set(key, { ...seen, controller: seen.controller ?? known?.controller ?? null });
  }
  const found = [...merged.values()].map(driveOf);
  const all = found.length > 0 ? found : await simpleDrives(survey, host);
  const named = withUniqueIds(
    all.map(({ drive }) => drive),
    all.map(({ path }) => path),
  );
  return all.map((item, index) => ({ ...item, drive: named[index] ?? item.drive }));
};
