import { Failure } from "#contract/failures.ts";
import type { PowerState } from "#contract/inventory.ts";
import type { PowerIntent } from "#drivers/ports.ts";
import { actionOf, readAllowed } from "./action.ts";
import type { Facts } from "./facts.ts";
import { readHost } from "./machine.ts";
import { saysAlreadyThere } from "./refusal.ts";
import type { Conversation } from "./wire/conversation.ts";

export interface PowerReading {
  /** A machine between two states is still in the one that it leaves. */
  readonly power: PowerState;
  readonly changing: boolean;
}

const readings: Readonly<Record<string, PowerReading>> = {
  On: { power: "on", changing: false },
  Paused: { power: "on", changing: false },
  Off: { power: "off", changing: false },
  PoweringOn: { power: "off", changing: true },
  PoweringOff: { power: "on", changing: true },
};

export const powerOf = (system: Facts): PowerReading =>
  readings[system.text("PowerState") ?? ""] ?? { power: "unknown", changing: false };

/**
 * The reset types that mean an intent, the best first. Nothing here asks for less than the intent or for more:
 * ForceOff is not a substitute for GracefulShutdown, and PushPowerButton is a toggle.
 */
const typesFor: Record<PowerIntent, readonly string[]> = {
  on: ["On", "ForceOn"],
  off: ["GracefulShutdown"],
  "force-off": ["ForceOff"],
};

const goalOf = (intent: PowerIntent): "on" | "off" => (intent === "on" ? "on" : "off");

const isThere = (reading: PowerReading, intent: PowerIntent): boolean =>
  !reading.changing && reading.power === goalOf(intent);

const isLeaving = (reading: PowerReading, intent: PowerIntent): boolean =>
  reading.changing && reading.power !== goalOf(intent);

/** On its way there already; a forced power-off is still sent to a machine that shuts down. */
const isUnderWay = (reading: PowerReading, intent: PowerIntent): boolean =>
  isLeaving(reading, intent) && intent !== "force-off";

/** See `BmcPort.setPower`. */
export const setPower = async (
  talk: Conversation,
  intent: PowerIntent,
): Promise<"already" | "asked"> => {
  const { system } = await readHost(talk);
  const before = powerOf(system);
  if (isThere(before, intent)) return "already";
  if (isUnderWay(before, intent)) return "asked";
  const action = actionOf(system, "#ComputerSystem.Reset");
  const allowed = action === null ? [] : await readAllowed(talk, action, "ResetType");
  const type = typesFor[intent].find((value) => allowed === null || allowed.includes(value));
  if (action === null || type === undefined) {
    throw new Failure("BMC_UNSUPPORTED", `the machine offers no way to be switched ${intent}`, {
      details: { intent, wanted: typesFor[intent], allowed },
    });
  }
  const look = async (): Promise<PowerReading> => powerOf((await readHost(talk)).system);
  const settled = async (): Promise<boolean> => isThere(await look(), intent);
  const reply = await talk.tryWrite(
    { method: "POST", target: action.target, body: { ResetType: type } },
    { settled },
  );
  if (reply === null) return "already";
  if (reply.status < 400) return "asked";
  // Already there, or going there, is 409 on Dell and 400 on iLO: equal to what was wanted is success.
  if (reply.status === 409 || reply.status === 400) {
    const after = await look();
    if (isThere(after, intent)) return "already";
    // PowerState follows the machine by some seconds; the caller looks again until it is there.
    if (isLeaving(after, intent) || saysAlreadyThere(reply)) return "asked";
  }
  throw talk.refuse(reply);
};
