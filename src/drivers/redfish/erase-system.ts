import { Failure } from "#contract/failures.ts";
import { keyOf } from "./address.ts";
import { actionOf } from "./action.ts";
import type { Facts } from "./facts.ts";
import type { FoundDrive } from "./inventory/drives.ts";
import { type Host, readManagers } from "./machine.ts";
import { powerOf } from "./power.ts";
import { taskOf } from "./tasks.ts";
import type { Conversation } from "./wire/conversation.ts";

/** A whole-machine erase of a vendor: how to begin it, and where it can then be followed. */
export interface SystemErase {
  start(running: ReadonlyMap<string, string>): Promise<string | null>;
}

/**
 * Dell: DellLCService.SystemErase with the components that are drives, and no others: the BIOS and the iDRAC
 * itself are not ours to reset here. The Lifecycle Controller must be ready, and powers the machine off.
 */
export const dellErase = async (
  talk: Conversation,
  host: Host,
  drives: readonly FoundDrive[],
): Promise<SystemErase | null> => {
  for (const { facts } of await readManagers(talk, host)) {
    const link = facts.at("Links").at("Oem").at("Dell").link("DellLCService");
    const look = await talk.look(link);
    const service = look.kind === "found" ? look.facts : null;
    const action = service === null ? null : actionOf(service, "#DellLCService.SystemErase");
    if (service === null || action === null) continue;
    const offered = action.facts.texts("Component@Redfish.AllowableValues");
    const components = drivesWant(drives).filter((name) => offered.includes(name));
    if (components.length === 0) continue;
    return {
      async start(running) {
        const known = running.get(keyOf(action.target));
        if (known !== undefined) return known;
        await requireReady(talk, service);
        return taskOf(await talk.post(action.target, { Component: components }));
      },
    };
  }
  return null;
};

const driveComponents = ["CryptographicErasePD", "OverwritePD"];

/** What each drive says it can take (`SystemEraseCapability`); both where one does not say. */
const drivesWant = (drives: readonly FoundDrive[]): readonly string[] => {
  const said = drives.map(({ facts }) => {
    const dell = facts.at("Oem").at("Dell");
    return (
      dell.at("DellPCIeSSD").text("SystemEraseCapability") ??
      dell.at("DellPhysicalDisk").text("SystemEraseCapability")
    );
  });
  const known = driveComponents.filter((name) => said.includes(name));
  return said.every((name) => name !== null && driveComponents.includes(name))
    ? known
    : driveComponents;
};

const requireReady = async (talk: Conversation, service: Facts): Promise<void> => {
  const status = actionOf(service, "#DellLCService.GetRemoteServicesAPIStatus");
  if (status === null) return;
  const reply = await talk.post(status.target);
  const state =
    reply === null || typeof reply.body !== "object"
      ? null
      : (reply.body as Readonly<Record<string, unknown>> | null)?.["LCStatus"];
  if (state === "Ready" || state === undefined || state === null) return;
  throw new Failure("BMC_BUSY", `the Lifecycle Controller is not ready: ${String(state)}`, {
    details: { lifecycleController: state, reason: "not-ready" },
  });
};

/** The states of HPE's erase, as the system shows them in `Oem.Hpe.UserDataEraseStatus`. */
export const hpeEraseStatus = (system: Facts): string | null =>
  system.at("Oem").at("Hpe").text("UserDataEraseStatus");

const hpeRunning = new Set(["Initiated", "InProgress"]);

export const isHpeErasing = (system: Facts): boolean =>
  hpeRunning.has(hpeEraseStatus(system) ?? "");

/**
 * HPE: SecureSystemErase of the user data, not of the ROM and the iLO, which would take its address and
 * accounts with it and with them the proof. (HPE's guide sets both; an iLO that insists refuses, and a person
 * decides.) It runs in the firmware, so the machine is restarted (or switched on) to begin it, and it is followed
 * on the system itself.
 */
export const hpeErase = (talk: Conversation, host: Host): SystemErase | null => {
  const oem = host.system.at("Oem").at("Hpe");
  const action = actionOf(oem, "#HpeComputerSystemExt.SecureSystemErase");
  const reset = actionOf(host.system, "#ComputerSystem.Reset");
  if (action === null || reset === null) return null;
  return {
    async start() {
      if (isHpeErasing(host.system)) return host.path;
      await talk.post(action.target, { SystemROMAndiLOErase: false, UserDataErase: true });
      const type = powerOf(host.system).power === "on" ? "ForceRestart" : "On";
      await talk.post(reset.target, { ResetType: type });
      return host.path;
    },
  };
};
