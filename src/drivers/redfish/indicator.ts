import { Failure } from "#contract/failures.ts";
import { type Facts } from "./facts.ts";
import { type Host, readHost } from "./machine.ts";
import { tryPatch } from "./patch.ts";
import type { Conversation } from "./wire/conversation.ts";

/**
 * The identify light. New services have `LocationIndicatorActive`; older ones `IndicatorLED`, whose `Lit` is a
 * lit identify light, except on Dell, where the LED is lit in normal operation (every recorded iDRAC says so)
 * and `Blinking` identifies.
 */
const modern = "LocationIndicatorActive";
const older = "IndicatorLED";

const olderMeansOn = (value: string | null, vendor: string | null): boolean | null => {
  if (value === null) return null;
  if (value === "Blinking") return true;
  if (value === "Lit") return vendor !== "dell";
  return value === "Off" ? false : null;
};

/** Null when the resource does not tell. */
const isOn = (facts: Facts, vendor: string | null): boolean | null =>
  facts.flag(modern) ?? olderMeansOn(facts.text(older), vendor);

export const indicatorOf = (system: Facts, vendor: string | null): "on" | "off" | "unknown" => {
  const on = isOn(system, vendor);
  return on === null ? "unknown" : on ? "on" : "off";
};

const olderValue = (facts: Facts, on: boolean, vendor: string | null): string => {
  if (!on) return vendor === "dell" ? "Lit" : "Off";
  const allowed = facts.texts(`${older}@Redfish.AllowableValues`);
  return vendor === "dell" || (allowed.length > 0 && !allowed.includes("Lit")) ? "Blinking" : "Lit";
};

/** The patches that may do it, the modern property first; only those whose property the resource has. */
const patchesFor = (facts: Facts, on: boolean, vendor: string | null): object[] => [
  ...(facts.flag(modern) === null ? [] : [{ [modern]: on }]),
  ...(facts.text(older) === null ? [] : [{ [older]: olderValue(facts, on, vendor) }]),
];

/** The system first, then the chassis it stands in: some vendors put the light there. */
const holders = async (
  talk: Conversation,
  host: Host,
): Promise<readonly (readonly [string, Facts])[]> => {
  const found: (readonly [string, Facts])[] = [[host.path, host.system]];
  if (isOn(host.system, null) !== null) return found;
  for (const path of host.system.at("Links").links("Chassis")) {
    const look = await talk.look(path);
    if (look.kind === "found") found.push([path, look.facts]);
  }
  return found;
};

/** See `BmcPort.setIndicator`. */
export const setIndicator = async (
  talk: Conversation,
  on: boolean,
): Promise<"already" | "asked"> => {
  const { vendor } = await talk.root();
  const host = await readHost(talk);
  const candidates = await holders(talk, host);
  if (candidates.some(([, facts]) => isOn(facts, vendor) === on)) return "already";
  let refused: Failure | null = null;
  for (const [path, facts] of candidates) {
    for (const body of patchesFor(facts, on, vendor)) {
      const reply = await tryPatch(talk, path, body);
      if (reply === null || reply.status < 400) return "asked";
      refused = talk.refuse(reply);
      if (refused.code !== "BMC_REJECTED" && refused.code !== "BMC_UNSUPPORTED") throw refused;
    }
  }
  throw (
    refused ??
    new Failure("BMC_UNSUPPORTED", "the machine has no identify light that can be set", {
      details: { path: host.path },
    })
  );
};
