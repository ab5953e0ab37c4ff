import { Failure } from "#contract/failures.ts";
import type { BootOverride } from "#drivers/ports.ts";
import type { Facts } from "./facts.ts";
import { type Host, readHost } from "./machine.ts";
import { patch, tryPatch } from "./patch.ts";
import type { Conversation } from "./wire/conversation.ts";

/**
 * The one-time boot override. Where a property is written is decided per property: if the system names a
 * settings resource and that resource holds the property, it is written there, else on the system itself.
 * (Recorded: an AMI DGX takes everything there, NVIDIA's OpenBMC all but the mode, Dell and Lenovo neither
 * target nor enabled.) Allowed values are looked for in the same order.
 */
type Property = "BootSourceOverrideTarget" | "BootSourceOverrideEnabled" | "BootSourceOverrideMode";

interface Place {
  readonly path: string;
  readonly boot: Facts;
}

interface BootPlaces {
  readonly system: Place;
  readonly settings: Place | null;
}

const readPlaces = async (talk: Conversation, host: Host): Promise<BootPlaces> => {
  const system = { path: host.path, boot: host.system.at("Boot") };
  const path = host.system.at("@Redfish.Settings").link("SettingsObject");
  const look = await talk.look(path);
  return {
    system,
    settings:
      path === null || look.kind === "missing" ? null : { path, boot: look.facts.at("Boot") },
  };
};

const placeFor = (places: BootPlaces, property: Property): Place =>
  places.settings?.boot.models(property) === true ? places.settings : places.system;

const allowedFor = (places: BootPlaces, property: Property): readonly string[] | null => {
  for (const place of [placeFor(places, property), places.system, places.settings]) {
    const values = place?.boot.texts(`${property}@Redfish.AllowableValues`) ?? [];
    if (values.length > 0) return values;
  }
  return null;
};

/** The names of a virtual CD, the usual one first. Supermicro's `Cd` is a real drive where it has `UsbCd`. */
const cdNames = ["Cd", "UsbCd", "UefiCd", "CD/DVD"];

const isCd = (target: string | null): boolean => target !== null && cdNames.includes(target);

const cdTarget = (places: BootPlaces, vendor: string | null): string => {
  const allowed = allowedFor(places, "BootSourceOverrideTarget");
  const order = vendor === "supermicro" ? ["UsbCd", ...cdNames] : cdNames;
  const target = order.find((name) => allowed === null || allowed.includes(name));
  if (target !== undefined) return allowed === null ? "Cd" : target;
  throw new Failure("BMC_UNSUPPORTED", "the machine cannot be told to boot from a virtual CD", {
    details: { allowed },
  });
};

/** These reset what a patch leaves out (Supermicro the mode, AMI and ASRock Rack refuse it incomplete). */
const wantMode = new Set(["supermicro", "ami", "asrockrack"]);

const modeToSend = (places: BootPlaces, vendor: string | null): string | null =>
  vendor !== null && wantMode.has(vendor)
    ? placeFor(places, "BootSourceOverrideMode").boot.text("BootSourceOverrideMode")
    : null;

type Values = Partial<Record<Property, string>>;

/** One PATCH per place, each with all the properties that belong there. */
const spread = (places: BootPlaces, values: Values): ReadonlyMap<string, Values> => {
  const patches = new Map<string, Values>();
  for (const [name, value] of Object.entries(values)) {
    const property = name as Property;
    const { path } = placeFor(places, property);
    patches.set(path, { ...patches.get(path), [property]: value });
  }
  return patches;
};

const enabledNames: Readonly<Record<string, BootOverride["enabled"]>> = {
  Once: "once",
  Continuous: "continuous",
  Disabled: "disabled",
};

const enabledOf = (boot: Facts): BootOverride["enabled"] | null =>
  enabledNames[boot.text("BootSourceOverrideEnabled") ?? ""] ?? null;

const overrideOf = (places: BootPlaces): BootOverride | null => {
  const enabled =
    enabledOf(placeFor(places, "BootSourceOverrideEnabled").boot) ?? enabledOf(places.system.boot);
  const target =
    placeFor(places, "BootSourceOverrideTarget").boot.text("BootSourceOverrideTarget") ??
    places.system.boot.text("BootSourceOverrideTarget");
  if (enabled === null) return null;
  return {
    enabled,
    target: target ?? "None",
    mode:
      placeFor(places, "BootSourceOverrideMode").boot.text("BootSourceOverrideMode") ??
      places.system.boot.text("BootSourceOverrideMode"),
  };
};

/** What the system is told to boot next; null where it has no override. */
export const readBoot = async (talk: Conversation, host: Host): Promise<BootOverride | null> =>
  overrideOf(await readPlaces(talk, host));

const isOnceCd = (override: BootOverride | null): boolean =>
  override?.enabled === "once" && isCd(override.target);

const readBackTries = 3;
const readBackPauseMs = 2000;

/** See `BmcPort.setBootOnceCd`. */
export const setBootOnceCd = async (talk: Conversation): Promise<"already" | "asked"> => {
  const { vendor } = await talk.root();
  const host = await readHost(talk);
  const places = await readPlaces(talk, host);
  const target = cdTarget(places, vendor);
  const before = overrideOf(places);
  if (before?.enabled === "once" && before.target === target) return "already";
  const enabled = allowedFor(places, "BootSourceOverrideEnabled");
  if (enabled !== null && !enabled.includes("Once")) {
    throw new Failure("BMC_UNSUPPORTED", "the machine offers no boot override for one boot", {
      details: { allowed: enabled },
    });
  }
  const mode = modeToSend(places, vendor);
  const values: Values = {
    BootSourceOverrideTarget: target,
    BootSourceOverrideEnabled: "Once",
    ...(mode === null ? {} : { BootSourceOverrideMode: mode }),
  };
  for (const [path, body] of spread(places, values)) await patch(talk, path, { Boot: body });
  // Some accept and ignore, some take a moment: only what can be read counts.
  let seen: BootOverride | null = null;
  for (let tries = 0; tries < readBackTries; tries += 1) {
    if (tries > 0) await talk.sleep(readBackPauseMs);
    seen = await readBoot(talk, await readHost(talk));
    if (isOnceCd(seen)) return "asked";
  }
  throw new Failure("BMC_REJECTED", "the BMC took the boot override and did not keep it", {
    details: { asked: values, seen, reason: "ignored" },
  });
};

/** See `BmcPort.clearBootOverride`: a `Continuous` override is somebody else's and is left alone. */
export const clearBootOverride = async (talk: Conversation): Promise<"already" | "asked"> => {
  const { vendor } = await talk.root();
  const places = await readPlaces(talk, await readHost(talk));
  const before = overrideOf(places);
  if (before?.enabled !== "once") return "already";
  const mode = modeToSend(places, vendor);
  // Disabled alone: iLO refuses it together with target None, and a few refuse it without.
  const alone: Values = {
    BootSourceOverrideEnabled: "Disabled",
    ...(mode === null ? {} : { BootSourceOverrideMode: mode }),
  };
  for (const [path, body] of spread(places, alone)) {
    const reply = await tryPatch(talk, path, { Boot: body });
    if (reply === null || reply.status < 400) continue;
    if (reply.status !== 400) throw talk.refuse(reply);
    await patch(talk, path, { Boot: { ...body, BootSourceOverrideTarget: "None" } });
  }
  return "asked";
};
