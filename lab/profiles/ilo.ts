import { base, refuse } from "#lab/bmc/answer.ts";
import type { Answer, Message } from "#lab/bmc/answer.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Machine } from "#lab/world/machine.ts";
import { allDrives } from "./hardware.ts";
import type { OwnProperties, Profile } from "./profile.ts";

/** What iLO 5 and iLO 6 have in common. */

const system = "/redfish/v1/Systems/1";
const eraseAction = `${system}/Actions/Oem/Hpe/HpeComputerSystemExt.SecureSystemErase`;

/** iLO sends an id and arguments, and leaves the sentence to the reader's registry. */
function message(name: string, args: readonly string[] = []): Message {
  return { status: 400, id: `iLO.2.25.${name}`, text: name, args };
}

/** Manners of iLO 5 and 6. */
export const iloRules: Pick<
  Profile,
  "account" | "ids" | "sessions" | "power" | "boot" | "media" | "tasks" | "bios"
> = {
  account: {
    id: "1",
    username: "Administrator",
    password: "lab-Administrator-1",
    role: "Administrator",
  },
  ids: { system: "1", manager: "1", chassis: "1" },
  sessions: {
    limit: 13,
    timeoutS: 30,
    onLimit: { ...message("MaxSessionsReached"), status: 503 },
    lockout: null,
  },
  power: {
    resetTypes: [
      "On",
      "ForceOff",
      "GracefulShutdown",
      "ForceRestart",
      "Nmi",
      "PushPowerButton",
      "GracefulRestart",
    ],
    listed: "inline",
    onAlreadyThere: {
      on: message("InvalidOperationForSystemState", ["Power is on"]),
      off: message("InvalidOperationForSystemState", ["Power is off"]),
    },
    onPowerOff: message("InvalidOperationForSystemState", ["Power is off"]),
    successStatus: 200,
    managerReset: ["ForceRestart", "GracefulRestart"],
  },
  boot: {
    targets: [
      "None",
      "Cd",
      "Hdd",
      "Usb",
      "SDCard",
      "Utilities",
      "Diags",
      "BiosSetup",
      "Pxe",
      "UefiShell",
      "UefiHttp",
      "UefiTarget",
    ],
    mediaTargets: ["Cd"],
    enabledValues: null,
    hasContinuous: true,
    mode: "UEFI",
    hasProgress: false,
    settings: null,
    settingsOnly: false,
    resetsUnsent: false,
    needsAll: false,
    duringPost: message("UnableToModifyDuringSystemPOST"),
    refusesEnabledNone: true,
    order: ["Boot0016", "Boot0015", "Boot000E"],
  },
  media: {
    by: "action",
    slots: [
      { id: "1", types: ["Floppy", "USBStick"], isUsable: true },
      { id: "2", types: ["CD", "DVD"], isUsable: true },
    ],
    homes: [{ owner: "manager", names: { "1": "1", "2": "2" } }],
    emptyImage: "",
    hasActionInfo: false,
    listsEjectWhenInserted: false,
    onEjectEmpty: message("NoVirtualMediaConnectionAvailable"),
    onInsertOccupied: message("MaxVirtualMediaConnectionEstablished"),
    successStatus: 200,
    protocols: ["http", "https"],
  },
  tasks: { location: "monitor", id: (job) => String(job), failure: "exception" },
  bios: {
    path: "/redfish/v1/systems/1/bios",
    settings: "/redfish/v1/systems/1/bios/settings",
    attributes: {
      BootMode: "Uefi",
      ProcHyperthreading: "Enabled",
      ProcVirtualization: "Enabled",
      WorkloadProfile: "GeneralPowerEfficientCompute",
      AutoPowerOn: "RestoreLastState",
    },
  },
};

export const storageNotReady = message("ResourceNotReadyRetry", ["5, (01,00,00)"]);

/** HPE's words for where the power-on self-test is. */
function postState(machine: Machine): string {
  switch (machine.phase.kind) {
    case "off":
    case "powering-off":
      return "PowerOff";
    case "powering-on":
      return "Reset";
    case "post":
      return "InPost";
    case "reading-media":
    case "halted":
      return "InPostDiscoveryComplete";
    case "booting-os":
    case "os":
    case "live":
    case "installing":
    case "shutting-down":
      return "FinishedPost";
  }
}

function eraseStatus(machine: Machine): string {
  const job = machine.jobs.findLast(({ scope }) => scope === "system");
  if (job === undefined)
    return machine.disks.every(({ erased }) => erased !== null) ? "CompletedWithSuccess" : "Idle";
  switch (job.result) {
    case "running":
      return job.startedAt === null ? "Initiated" : "InProgress";
    case "done":
      return "CompletedWithSuccess";
    case "failed":
      return "CompletedWithErrors";
  }
}

export function iloOwn(generation: "iLO 5" | "iLO 6", version: string): OwnProperties {
  return {
    root: () => ({
      RedfishVersion: "1.20.0",
      Name: "HPE RESTful Root Service",
      Product: "ProLiant",
      Vendor: "HPE",
      Oem: {
        Hpe: {
          "@odata.type": "#HpeiLOServiceExt.v2_7_0.HpeiLOServiceExt",
          Manager: [
            { ManagerFirmwareVersion: version, ManagerType: generation, Status: { Health: "OK" } },
          ],
          Moniker: { BMC: "iLO", PRODGEN: generation, VENDABR: "HPE" },
        },
      },
    }),
    system: (call) => ({
      Oem: {
        Hpe: {
          "@odata.type": "#HpeComputerSystemExt.v2_14_0.HpeComputerSystemExt",
          PostState: postState(call.machine),
          UserDataEraseStatus: eraseStatus(call.machine),
          SystemROMAndiLOEraseStatus: "Idle",
          Actions: { "#HpeComputerSystemExt.SecureSystemErase": { target: eraseAction } },
        },
      },
    }),
    accountService: () => ({
      HTTPBasicAuth: "Unadvertised",
      Oem: {
        Hpe: {
          "@odata.type": "#HpeiLOAccountService.v2_4_0.HpeiLOAccountService",
          AuthFailureDelayTimeSeconds: 10,
          AuthFailuresBeforeDelay: 1,
        },
      },
    }),
    manager: () => ({ Model: generation, FirmwareVersion: `${generation} v${version}` }),
  };
}

/** Erases all drives at the next restart of the host; HPE's two parts can be asked for one by one. */
export const iloRoutes: Profile["routes"] = { [eraseAction]: { post: secureSystemErase } };

function secureSystemErase(call: Call): Answer {
  const { UserDataErase: userData, SystemROMAndiLOErase: firmware } = call.body;
  if (userData === undefined && firmware === undefined) {
    return refuse(
      call.profile,
      base.missingParameter("HpeComputerSystemExt.SecureSystemErase", "UserDataErase"),
    );
  }
  for (const [name, value] of Object.entries({
    UserDataErase: userData,
    SystemROMAndiLOErase: firmware,
  })) {
    if (value !== undefined && typeof value !== "boolean")
      return refuse(call.profile, base.wrongType(name, value));
  }
  if (userData === true) {
    const serials = allDrives(call.hardware).map(({ serial }) => serial);
    const outcome = call.command({
      do: "erase",
      serials,
      method: "UserDataErase",
      scope: "system",
      target: call.path,
      start: "on-restart",
    });
    if (outcome.kind !== "changed") return refuse(call.profile, base.inUse());
  }
  return {
    status: 200,
    body: {
      error: {
        code: "iLO.0.10.ExtendedInfo",
        message: "See @Message.ExtendedInfo for more information.",
        "@Message.ExtendedInfo": [{ MessageId: "iLO.2.25.SystemResetRequired", MessageArgs: [] }],
      },
    },
  };
}
