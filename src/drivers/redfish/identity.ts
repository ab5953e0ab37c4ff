import type { Identity } from "#drivers/ports.ts";
import { type Host, type Manager, readHost, readManagers, serviceVendor } from "./machine.ts";
import { housingOf, readChassis } from "./inventory/chassis.ts";
import { type Part, Survey } from "./inventory/survey.ts";
import type { Conversation } from "./wire/conversation.ts";

const emptyUuid = /^(?:0+|f+)$/i;

/** Lower case; null for the all-zero and all-one values of boards that were never given one. */
export const uuidOf = (text: string | null): string | null =>
  text === null || emptyUuid.test(text.replaceAll("-", "")) ? null : text.toLowerCase();

export interface Names {
  readonly serial: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
}

/** What the machine is called: by its system, and where that says nothing (NVIDIA GB200) by its housing. */
export const namesOf = (host: Host, housing: Part | null): Names => {
  const say = (name: string): string | null =>
    host.system.text(name) ?? housing?.facts.text(name) ?? null;
  return { serial: say("SerialNumber"), manufacturer: say("Manufacturer"), model: say("Model") };
};

/** True when the system itself tells everything, so that its housing need not be looked for. */
export const isNamed = (host: Host): boolean =>
  ["SerialNumber", "Manufacturer", "Model"].every((name) => host.system.text(name) !== null);

export const bmcOf = (
  rootVendor: string | null,
  host: Host,
  manager: Manager | null,
): Identity["bmc"] => ({
  vendor: serviceVendor(rootVendor, host.system, manager?.facts ?? null),
  model: manager?.facts.text("Model") ?? null,
  firmwareVersion: manager?.facts.text("FirmwareVersion") ?? null,
});

/** See `BmcPort.identify`. */
export const identify = async (talk: Conversation): Promise<Identity> => {
  const root = await talk.root();
  const host = await readHost(talk);
  const [manager = null] = await readManagers(talk, host);
  const housing = isNamed(host)
    ? null
    : housingOf(
        host,
        await readChassis(new Survey(talk), [{ path: host.path, facts: host.system }]),
      );
  return {
    systemPath: host.path,
    uuid: uuidOf(host.system.text("UUID")),
    ...namesOf(host, housing),
    bmc: bmcOf(root.vendor, host, manager),
  };
};
