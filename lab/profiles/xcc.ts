import { base } from "#lab/bmc/answer.ts";
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
import { capitals, digits } from "./seed.ts";

const fileTypes = ["CD", "DVD", "Floppy", "USBStick"];

/**
 * Lenovo XCC, firmware 2.83, in a ThinkSystem SR670 V2. Media are inserted by PATCH, writes need If-Match, and a power
 * command for the state that is there is a plain success.
 */
export const xcc: Profile = {
  id: "xcc",
  vendor: "Lenovo",
  model: "ThinkSystem SR670 V2",
  account: { id: "1", username: "USERID", password: "lab-PASSW0RD", role: "Administrator" },
  ids: { system: "1", manager: "1", chassis: "1" },
  versions: {
    root: "ServiceRoot.v1_13_0",
    system: "ComputerSystem.v1_17_0",
    manager: "Manager.v1_14_0",
    chassis: "Chassis.v1_20_0",
    processor: "Processor.v1_14_0",
    memory: "Memory.v1_14_0",
    storage: "Storage.v1_13_0",
    drive: "Drive.v1_15_0",
    ethernet: "EthernetInterface.v1_8_0",
    media: "VirtualMedia.v1_5_1",
    task: "Task.v1_5_1",
  },
  wire: {
    hasContext: true,
    ignoresCase: false,
    endsWithSlash: false,
    redirectsDoubleSlash: false,
    etag: { kind: "strong", inBody: true, isRequired: true },
    expandLevels: 2,
    expandForms: [".", "*", "~"],
    pageSize: null,
    challengesBasic: true,
    registry: "Base.1.12",
    messagesHaveText: true,
    onMissingBody: null,
    onMalformedBody: "message",
    server: undefined,
  },
  sessions: {
    limit: 16,
    timeoutS: 300,
    onLimit: {
      status: 503,
      id: "SessionLimitExceeded",
      text: "The session establishment failed due to the number of simultaneous sessions exceeding the limit of the implementation.",
    },
    lockout: null,
  },
  power: {
    resetTypes: [
      "On",
      "Nmi",
      "GracefulShutdown",
      "GracefulRestart",
      "ForceOn",
      "ForceOff",
      "ForceRestart",
    ],
    listed: "both",
    onAlreadyThere: null,
    onPowerOff: base.inUse(),
    successStatus: 204,
    managerReset: ["GracefulRestart", "ForceRestart"],
  },
  boot: {
    targets: ["None", "Pxe", "Cd", "Usb", "Hdd", "BiosSetup", "Diags", "UefiTarget"],
    mediaTargets: ["Cd"],
    enabledValues: ["Once", "Disabled"],
    hasContinuous: false,
    mode: "UEFI",
    hasProgress: false,
    settings: { suffix: "Pending", properties: ["BootOrder"] },
    settingsOnly: false,
    resetsUnsent: false,
    needsAll: false,
    duringPost: null,
    refusesEnabledNone: false,
    order: ["Boot0003", "Boot0002"],
  },
  media: {
    by: "patch",
    slots: [
      ...times(4, (index) => ({ id: `EXT${index + 1}`, types: fileTypes, isUsable: true })),
      ...times(4, (index) => ({ id: `Remote${index + 1}`, types: fileTypes, isUsable: true })),
      // These take uploaded files only.
      ...times(2, (index) => ({ id: `RDOC${index + 1}`, types: fileTypes, isUsable: false })),
    ],
    homes: (["system", "manager"] as const).map((owner) => ({
      owner,
      names: Object.fromEntries(
        [
          ...times(4, (i) => `EXT${i + 1}`),
          ...times(4, (i) => `Remote${i + 1}`),
          "RDOC1",
          "RDOC2",
        ].map((id) => [id, id]),
      ),
    })),
    emptyImage: null,
    hasActionInfo: false,
    listsEjectWhenInserted: false,
    onEjectEmpty: null,
    onInsertOccupied: {
      status: 400,
      id: "ResourceInUse",
      text: "The virtual media slot is in use.",
    },
    successStatus: 200,
    protocols: ["http", "https", "nfs", "cifs"],
  },
  erase: { drive: null },
  tasks: { location: "task", id: (job) => `Task${job}`, failure: "exception" },
  bios: {
    path: "/redfish/v1/Systems/1/Bios",
    settings: "/redfish/v1/Systems/1/Bios/Pending",
    attributes: {
      BootModes_SystemBootMode: "UEFIMode",
      Processors_HyperThreading: "Enabled",
      OperatingModes_ChooseOperatingMode: "MaximumEfficiency",
    },
  },
  layout: {
    gpus: "processors",
    environment: "both",
    hasEthernetInterfaces: true,
    hasNetworkInterfaces: true,
    emptyDimm: "null",
    log: { owner: "system", id: "PlatformLog" },
    storageNeedsPower: null,
    moreChassis: [],
    moreSensors: 10,
  },
  hardware: (seed) => ({
    uuid: seed.uuid(),
    serial: `J1${seed.text("serial", 6, capitals)}`,
    sku: "7Z23CTO1WW",
    partNumber: null,
    cpus: times(2, (index) => ({
      ...xeon(`CPU${index + 1}`, index),
      model: "Intel(R) Xeon(R) Platinum 8362 CPU @ 2.80GHz",
    })),
    gpus: times(4, (index) => ({
      id: `GPU${index + 1}`,
      name: `GPU ${index + 1}`,
      manufacturer: "NVIDIA Corporation",
      model: null,
      partNumber: "26B5-895-A1",
      serial: seed.text(`gpu/${index}`, 13, digits),
      firmwareVersion: "95.02.39.00.01",
      memoryMiB: 46_068,
    })),
    dimms: ddr5(seed, {
      slots: 32,
      modules: 16,
      capacityMiB: 65_536,
      id: (index) => String(index + 1),
      locator: (index) => `DIMM ${index + 1}`,
    }),
    storages: [
      {
        id: "Direct_Attached_NVMe",
        name: "Direct Attached NVMe",
        controller: { id: "0", model: "VMD", firmwareVersion: "7.7.0.1054" },
        enclosure: null,
        emptyBays: [],
        drives: flashDrives(seed, {
          count: 2,
          group: "nvme",
          id: (index) => `Drive.Bay_${index}`,
          name: (index) => `NVMe ${index}`,
          model: "MZWLR3T8HBLS-000V3",
          manufacturer: "Samsung",
          capacityBytes: 3_840_755_982_336,
        }),
      },
    ],
    nics: ports(seed, { count: 4, prefix: "0A:8F:C3", id: (index) => `NIC${index + 1}` }),
    firmware: [
      { id: "BMC-Primary", name: "BMC (Primary)", version: "42S-2.83", isUpdateable: true },
      { id: "BMC-Backup", name: "BMC (Backup)", version: "42S-2.41", isUpdateable: true },
      { id: "UEFI", name: "UEFI", version: "U8E122J-1.50", isUpdateable: true },
      { id: "UEFI-Pending", name: "UEFI (Pending)", version: "U8E122J-1.50", isUpdateable: false },
    ],
    powerSupplies: supplies(seed, {
      count: 4,
      watts: 2400,
      model: "SP57A02022",
      maker: "DELT",
      id: (index) => `PSU${index + 1}`,
    }),
    fans: fanNames(10),
    temperatures: temperatureNames(2, 8),
  }),
  own: {
    root: (call) => ({
      RedfishVersion: "1.15.0",
      Vendor: "Lenovo",
      UUID: call.hardware.uuid.toUpperCase(),
    }),
    manager: () => ({
      Model: "Lenovo XClarity Controller",
      FirmwareVersion: "TGBT42S 2.83 2023-07-05",
    }),
    system: (call) => ({
      Oem: {
        Lenovo: {
          "@odata.type": "#LenovoComputerSystem.v1_0_0.LenovoSystemProperties",
          SystemStatus:
            call.machine.phase.kind === "off"
              ? "SystemPoweredOff"
              : call.machine.phase.kind === "post"
                ? "SystemRunningInUEFI"
                : "BootingOSOrInUndetectedOS",
        },
      },
    }),
  },
  routes: {},
};
