import { base, refuse } from "#lab/bmc/answer.ts";
import type { Answer, Message } from "#lab/bmc/answer.ts";
import type { Call } from "#lab/bmc/call.ts";
import { accepted } from "#lab/bmc/resources/tasks.ts";
import { allDrives } from "./hardware.ts";
import {
  ddr5,
  fanNames,
  flashDrives,
  ports,
  supplies,
  temperatureNames,
  times,
  xeon,
} from "./parts.ts";
import type { Profile } from "./profile.ts";
import { digits } from "./seed.ts";

const lifecycle = "/redfish/v1/Managers/iDRAC.Embedded.1/Oem/Dell/DellLCService";

const already = (state: "ON" | "OFF"): Message => ({
  status: 409,
  id: "IDRAC.2.8.PSU501",
  text: `Server is already powered ${state}.`,
  resolution: "No response action is required.",
});

/** Dell iDRAC 9, firmware 7.10, in a PowerEdge R760. */
export const idrac9: Profile = {
  id: "idrac9",
  vendor: "Dell Inc.",
  model: "PowerEdge R760",
  account: { id: "2", username: "root", password: "calvin", role: "Administrator" },
  ids: { system: "System.Embedded.1", manager: "iDRAC.Embedded.1", chassis: "System.Embedded.1" },
  versions: {
    root: "ServiceRoot.v1_15_0",
    system: "ComputerSystem.v1_20_1",
    manager: "Manager.v1_17_0",
    chassis: "Chassis.v1_23_0",
    processor: "Processor.v1_18_0",
    memory: "Memory.v1_17_1",
    storage: "Storage.v1_15_0",
    drive: "Drive.v1_17_0",
    ethernet: "EthernetInterface.v1_9_0",
    media: "VirtualMedia.v1_6_0",
    task: "Task.v1_7_1",
  },
  wire: {
    hasContext: true,
    ignoresCase: false,
    endsWithSlash: false,
    redirectsDoubleSlash: false,
    etag: { kind: "strong", inBody: false, isRequired: false },
    expandLevels: 1,
    expandForms: [".", "*", "~"],
    pageSize: 50,
    challengesBasic: true,
    registry: "Base.1.13",
    messagesHaveText: true,
    onMissingBody: { status: 400 },
    onMalformedBody: "message",
    server: "Apache",
  },
  sessions: {
    limit: 8,
    timeoutS: 1800,
    onLimit: {
      status: 503,
      id: "IDRAC.2.8.RAC0218",
      text: "The maximum number of user sessions is reached.",
      resolution: "Close the other sessions or wait until they end, and retry the operation.",
    },
    lockout: null,
  },
  power: {
    resetTypes: [
      "On",
      "ForceOff",
      "ForceRestart",
      "GracefulRestart",
      "GracefulShutdown",
      "PushPowerButton",
      "Nmi",
      "PowerCycle",
    ],
    listed: "inline",
    onAlreadyThere: { on: already("ON"), off: already("OFF") },
    onPowerOff: already("OFF"),
    successStatus: 204,
    managerReset: ["GracefulRestart"],
  },
  boot: {
    targets: [
      "None",
      "Pxe",
      "Floppy",
      "Cd",
      "Hdd",
      "BiosSetup",
      "Utilities",
      "UefiTarget",
      "SDCard",
      "UefiHttp",
    ],
    mediaTargets: ["Cd"],
    enabledValues: null,
    hasContinuous: true,
    mode: "UEFI",
    hasProgress: true,
    settings: { suffix: "Settings", properties: ["BootOrder", "BootSourceOverrideMode"] },
    settingsOnly: false,
    resetsUnsent: false,
    needsAll: false,
    duringPost: null,
    refusesEnabledNone: false,
    order: ["Boot0000", "Boot0001", "Boot0003"],
  },
  media: {
    by: "action",
    slots: [
      { id: "1", types: ["CD", "DVD", "USBStick"], isUsable: true },
      { id: "2", types: ["CD", "DVD", "USBStick"], isUsable: true },
    ],
    homes: [
      { owner: "system", names: { "1": "1", "2": "2" } },
      { owner: "manager", names: { "1": "CD", "2": "RemovableDisk" } },
    ],
    emptyImage: null,
    hasActionInfo: false,
    listsEjectWhenInserted: false,
    onEjectEmpty: {
      status: 500,
      id: "IDRAC.2.8.VRM0009",
      text: "No Virtual Media devices are currently connected.",
      resolution: "No response action is required.",
    },
    onInsertOccupied: {
      status: 500,
      id: "IDRAC.2.8.VRM0012",
      text: "The Virtual Media image server is already connected.",
      resolution: "Detach the media that is attached and retry the operation.",
    },
    successStatus: 204,
    protocols: ["http", "https", "nfs", "cifs"],
  },
  erase: {
    drive: {
      methods: null,
      applyTimes: ["Immediate", "OnReset"],
      defaultMethod: "CryptographicErase",
    },
  },
  tasks: {
    location: "task",
    id: (job) => `JID_${String(400_000_000_000 + job)}`,
    failure: "completed-critical",
  },
  bios: {
    path: "/redfish/v1/Systems/System.Embedded.1/Bios",
    settings: "/redfish/v1/Systems/System.Embedded.1/Bios/Settings",
    attributes: {
      BootMode: "Uefi",
      LogicalProc: "Enabled",
      ProcVirtualization: "Enabled",
      SysProfile: "PerfPerWattOptimizedDapc",
      AcPwrRcvry: "Last",
    },
  },
  layout: {
    gpus: "processors",
    environment: "both",
    hasEthernetInterfaces: true,
    hasNetworkInterfaces: true,
    emptyDimm: "left-out",
    log: { owner: "manager", id: "Lclog" },
    storageNeedsPower: null,
    moreChassis: [],
    moreSensors: 30,
  },
  hardware: (seed) => {
    const tag = seed.text("tag", 7);
    return {
      uuid: seed.uuid(),
      serial: `CNIVC00${seed.text("serial", 7, digits)}`,
      sku: tag,
      partNumber: "0WMWCRA01",
      cpus: times(2, (index) => xeon(`CPU.Socket.${index + 1}`, index)),
      gpus: times(1, (index) => ({
        id: `Video.Slot.${index + 2}-1`,
        name: "NVIDIA L40S",
        manufacturer: "NVIDIA Corporation",
        model: "NVIDIA L40S",
        partNumber: "699-2G133-0242-D00",
        serial: seed.text(`gpu/${index}`, 13, digits),
        firmwareVersion: "95.02.66.00.02",
        memoryMiB: 46_068,
      })),
      dimms: ddr5(seed, {
        slots: 32,
        modules: 16,
        capacityMiB: 32_768,
        id: (index) =>
          `DIMM.Socket.${index < 8 ? "A" : index < 16 ? "B" : index < 24 ? "C" : "D"}${(index % 8) + 1}`,
        locator: (index) =>
          `DIMM ${index < 8 ? "A" : index < 16 ? "B" : index < 24 ? "C" : "D"}${(index % 8) + 1}`,
      }),
      storages: [
        {
          id: "CPU.1",
          name: "CPU.1",
          controller: { id: "CPU.1", model: "PCIe SSD Subsystem", firmwareVersion: "1.0.0" },
          enclosure: null,
          emptyBays: [],
          drives: flashDrives(seed, {
            count: 2,
            group: "front",
            id: (index) => `Disk.Bay.${index}:Enclosure.Internal.0-1`,
            name: (index) => `PCIe SSD in Slot ${index} in Bay 1`,
            model: "Dell Ent NVMe CM6 RI 1.92TB",
            manufacturer: "KIOXIA Corporation ",
            capacityBytes: 1_920_383_410_176,
          }),
        },
      ],
      nics: ports(seed, {
        count: 4,
        prefix: "B0:7B:25",
        id: (index) => `NIC.Embedded.${index + 1}-1-1`,
      }),
      firmware: [
        {
          id: "Installed-0-7.10.30.00__iDRAC.Embedded.1-1",
          name: "Integrated Dell Remote Access Controller",
          version: "7.10.30.00",
          isUpdateable: true,
        },
        {
          id: "Previous-0-7.00.60.00__iDRAC.Embedded.1-1",
          name: "Integrated Dell Remote Access Controller",
          version: "7.00.60.00",
          isUpdateable: true,
        },
        {
          id: "Installed-159-2.1.5__BIOS.Setup.1-1",
          name: "BIOS",
          version: "2.1.5",
          isUpdateable: true,
        },
        {
          id: "Installed-104-22.00.6__NIC.Embedded.1-1-1",
          name: `Broadcom NetXtreme-E - ${seed.mac("B0:7B:25", 0)}`,
          version: "22.00.6",
          isUpdateable: true,
        },
      ],
      powerSupplies: supplies(seed, {
        count: 2,
        watts: 1400,
        model: "PWR SPLY,1400W,RDNT,LTON",
        maker: "DELL",
        id: (index) => `PSU.Slot.${index + 1}`,
      }),
      fans: fanNames(6),
      temperatures: temperatureNames(2, 12),
    };
  },
  own: {
    root: (call) => ({
      RedfishVersion: "1.18.0",
      Vendor: "Dell",
      Product: "Integrated Dell Remote Access Controller",
      Oem: {
        Dell: {
          "@odata.type": "#DellServiceRoot.v1_0_0.DellServiceRoot",
          IsBranded: 0,
          ManagerMACAddress: call.hardware.nics[0]?.mac.toLowerCase(),
          ServiceTag: call.hardware.sku,
        },
      },
    }),
    // Recorded on 6.10: the LED is lit in normal operation, blinks to identify, and the new property tells.
    system: ({ machine }) => ({
      IndicatorLED: machine.indicator === "Lit" ? "Blinking" : "Lit",
      LocationIndicatorActive: machine.indicator === "Lit",
    }),
    manager: () => ({
      Model: "16G Monolithic",
      FirmwareVersion: "7.10.30.00",
      Links: {
        ManagerForServers: [{ "@odata.id": "/redfish/v1/Systems/System.Embedded.1" }],
        ManagerForChassis: [{ "@odata.id": "/redfish/v1/Chassis/System.Embedded.1" }],
        Oem: { Dell: { DellLCService: { "@odata.id": lifecycle } } },
      },
    }),
  },
  routes: {
    [lifecycle]: {
      get: () => ({
        "@odata.id": lifecycle,
        "@odata.type": "#DellLCService.v1_7_0.DellLCService",
        Id: "DellLCService",
        Name: "DellLCService",
        Actions: {
          "#DellLCService.GetRemoteServicesAPIStatus": {
            target: `${lifecycle}/Actions/DellLCService.GetRemoteServicesAPIStatus`,
          },
          "#DellLCService.SystemErase": {
            target: `${lifecycle}/Actions/DellLCService.SystemErase`,
            "Component@Redfish.AllowableValues": eraseComponents,
          },
        },
      }),
    },
    [`${lifecycle}/Actions/DellLCService.GetRemoteServicesAPIStatus`]: {
      post: (call) => ({
        status: 200,
        body: {
          LCStatus: "Ready",
          RTStatus: "Ready",
          ServerStatus: call.machine.phase.kind === "off" ? "PoweredOff" : "OutOfPOST",
          Status: "Ready",
        },
      }),
    },
    [`${lifecycle}/Actions/DellLCService.SystemErase`]: { post: systemErase },
  },
};

const eraseComponents = [
  "AllApps",
  "BIOS",
  "CryptographicErasePD",
  "DIAG",
  "DPU",
  "DrvPack",
  "IDRAC",
  "LCData",
  "NonVolatileMemory",
  "OverwritePD",
  "PERCNVCache",
  "ReinstallFW",
  "vFlash",
];

/** Erases what the request names. The server is switched off for it; only the drives are simulated. */
function systemErase(call: Call): Answer {
  const { Component: components } = call.body;
  if (!Array.isArray(components))
    return refuse(call.profile, base.missingParameter("DellLCService.SystemErase", "Component"));
  const unknown = components.find(
    (component) => !eraseComponents.some((known) => known === component),
  );
  if (unknown !== undefined) {
    return refuse(
      call.profile,
      base.parameterNotInList("DellLCService.SystemErase", "Component", unknown),
    );
  }
  const isCryptographic = components.includes("CryptographicErasePD");
  const touchesDrives = isCryptographic || components.includes("OverwritePD");
  call.command({ do: "reset", type: "ForceOff" });
  const outcome = call.command({
    do: "erase",
    serials: touchesDrives ? allDrives(call.hardware).map(({ serial }) => serial) : [],
    method: isCryptographic ? "CryptographicErasePD" : "OverwritePD",
    scope: "system",
    target: call.path,
    start: "now",
  });
  if (outcome.kind !== "changed" || outcome.job === undefined)
    return refuse(call.profile, base.inUse());
  return accepted(call, outcome.job);
}
