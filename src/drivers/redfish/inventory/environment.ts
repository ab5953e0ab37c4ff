import type { Inventory } from "#contract/inventory.ts";
import type { Facts } from "#drivers/redfish/facts.ts";
import {
  bySerial,
  componentOf,
  healthOf,
  isAbsent,
  type Part,
  type Survey,
  withUniqueIds,
} from "./survey.ts";

type PowerSupply = Inventory["powerSupplies"][number];
type Sensor = Inventory["sensors"][number];

/** More readings than a person looks at; the machines with more have hundreds of the same kind. */
const maxSensors = 250;

const powerSupplyOf = (part: Part): PowerSupply => ({
  ...componentOf(part),
  capacityWatts: part.facts.count("PowerCapacityWatts"),
});

const itemsOf = (holder: Facts, path: string, name: string): Part[] =>
  holder
    .list(name)
    .map((facts, index) => ({ path: facts.id() ?? `${path}#/${name}/${index}`, facts }))
    .filter(({ facts }) => !isAbsent(facts));

/** Power supplies by the new PowerSubsystem, else by the Power resource that it replaced; each once. */
export const readPowerSupplies = async (
  survey: Survey,
  chassis: readonly Part[],
): Promise<PowerSupply[]> => {
  const parts: Part[] = [];
  for (const { facts } of chassis) {
    const subsystem = await survey.read("powerSupplies", facts.link("PowerSubsystem"));
    const listed = await survey.members("powerSupplies", subsystem?.link("PowerSupplies") ?? null);
    const link = facts.link("Power");
    const power = listed.length === 0 ? await survey.read("powerSupplies", link) : null;
    parts.push(...listed, ...(power === null ? [] : itemsOf(power, link ?? "", "PowerSupplies")));
  }
  const present = parts.filter(({ facts }) => !isAbsent(facts));
  const supplies = bySerial(present);
  return withUniqueIds(
    supplies.map(powerSupplyOf),
    supplies.map(({ path }) => path),
  );
};

const kinds: Readonly<Record<string, string>> = {
  temperature: "temperature",
  rotational: "fan",
  airflow: "fan",
  power: "power",
  voltage: "voltage",
  current: "current",
};

const units: Readonly<Record<string, string>> = { temperature: "Cel", power: "W", voltage: "V" };

interface FoundSensor {
  readonly path: string;
  readonly sensor: Sensor;
}

const sensorOf = ({ path, facts }: Part): FoundSensor => {
  const type = facts.text("ReadingType");
  return {
    path,
    sensor: {
      id: facts.text("Id") ?? path,
      name: facts.text("Name"),
      kind: type === null ? null : (kinds[type.toLowerCase()] ?? "other"),
      reading: facts.number("Reading"),
      unit: facts.text("ReadingUnits"),
      health: healthOf(facts),
    },
  };
};

const oldSensor = (
  { path, facts }: Part,
  kind: "temperature" | "fan" | "power" | "voltage",
  reading: string,
): FoundSensor => ({
  path,
  sensor: {
    id: path,
    name: facts.text("Name") ?? facts.text("FanName"),
    kind,
    reading: facts.number(reading),
    unit: facts.text("ReadingUnits") ?? units[kind] ?? null,
    health: healthOf(facts),
  },
});

/** The readings of the older Thermal and Power resources: two calls for a whole chassis. */
const readOld = async (survey: Survey, chassis: Facts): Promise<FoundSensor[]> => {
  const links = { thermal: chassis.link("Thermal"), power: chassis.link("Power") };
  const thermal = await survey.read("sensors", links.thermal);
  const power = await survey.read("sensors", links.power);
  const of = (holder: Facts | null, link: string | null, name: string): Part[] =>
    holder === null ? [] : itemsOf(holder, link ?? "", name);
  return [
    ...of(thermal, links.thermal, "Temperatures").map((part) =>
      oldSensor(part, "temperature", "ReadingCelsius"),
    ),
    ...of(thermal, links.thermal, "Fans").map((part) =>
      oldSensor(part, "fan", part.facts.has("Reading") ? "Reading" : "CurrentReading"),
    ),
    ...of(power, links.power, "Voltages").map((part) => oldSensor(part, "voltage", "ReadingVolts")),
    ...of(power, links.power, "PowerControl").map((part) =>
      oldSensor(part, "power", "PowerConsumedWatts"),
    ),
  ];
};

/**
 * One chassis: the richer of its two sets of readings. The Sensors are read where the service gives a whole
 * collection in one call, or where there is nothing else: one call per sensor takes minutes.
 */
const readChassisSensors = async (
  survey: Survey,
  chassis: Facts,
  room: number,
): Promise<FoundSensor[]> => {
  const root = await survey.talk.root();
  const old = await readOld(survey, chassis);
  const cheap = root.expands && !survey.talk.memory.expandFailed;
  if (old.length > 0 && !cheap) return old;
  const parts = await survey.members("sensors", chassis.link("Sensors"), { cap: room });
  const sensors = parts.filter(({ facts }) => !isAbsent(facts)).map(sensorOf);
  return sensors.length >= old.length ? sensors : old;
};

/** Sensor readings of all chassis, each once: two chassis may show the same one. */
export const readSensors = async (survey: Survey, chassis: readonly Part[]): Promise<Sensor[]> => {
  const found = new Map<string, FoundSensor>();
  for (const { facts } of chassis) {
    const room = maxSensors - found.size;
    if (room <= 0) break;
    for (const seen of await readChassisSensors(survey, facts, room)) {
      if (!found.has(seen.path)) found.set(seen.path, seen);
    }
  }
  if (found.size >= maxSensors) survey.miss("sensors", `more than ${maxSensors} sensors`);
  const kept = [...found.values()].slice(0, maxSensors);
  return withUniqueIds(
    kept.map(({ sensor }) => sensor),
    kept.map(({ path }) => path),
  );
};
