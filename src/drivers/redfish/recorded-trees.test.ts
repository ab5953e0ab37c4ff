import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Inventory } from "#contract/inventory.ts";
import {
  type RecordedService,
  recordingsFolder,
  serveRecorded,
} from "./testing/recorded-service.ts";
import { createTestDriver, reading, refTo, type TestDriver } from "./testing/test-driver.ts";

/**
 * Every recorded machine is read over HTTPS as a real one would be. The numbers were counted in the recordings
 * (empty sockets, bays and slots left out), not taken from what the driver prints.
 */
interface Expected {
  readonly vendor: string | null;
  readonly model: string;
  readonly serial: string;
  readonly bmcFirmware: string | null;
  readonly processors: number;
  readonly gpus: number;
  readonly memory: number;
  readonly memoryGib: number | null;
  readonly drives: number;
  readonly erasable: number;
  readonly nics: number;
  readonly powerSupplies: number;
  readonly media: number;
  readonly power?: "off";
}

const expectations: Readonly<Record<string, Expected>> = {
  "dell/idrac9-r750-6.00.30.00": {
    vendor: "dell",
    model: "PowerEdge R750",
    serial: "CNIVC0014M0388",
    bmcFirmware: "6.00.30.00",
    processors: 2,
    gpus: 1,
    memory: 16,
    memoryGib: 512,
    drives: 3,
    erasable: 3,
    nics: 5,
    powerSupplies: 2,
    media: 2,
  },
  "dell/idrac9-xr8620t-6.10.80.00": {
    vendor: "dell",
    model: "PowerEdge XR8620t",
    serial: "CNFCP002AE0058",
    bmcFirmware: "6.10.80.00",
    processors: 1,
    gpus: 0,
    memory: 8,
    memoryGib: 128,
    drives: 2,
    erasable: 2,
    nics: 8,
    powerSupplies: 1,
    // The crawl missed the collection.
    media: 0,
  },
  "dmtf/public-rackmount1": {
    vendor: null,
    model: "3500",
    serial: "437XR1138R2",
    bmcFirmware: "1.45.455b66-rev4",
    processors: 1,
    gpus: 0,
    memory: 3,
    memoryGib: 96,
    // Only SimpleStorage tells of them.
    drives: 2,
    erasable: 0,
    nics: 4,
    powerSupplies: 1,
    // Its slots have neither actions nor an Allow header.
    media: 0,
  },
  "hpe/cray-ex235a-simulated": {
    vendor: "hpe",
    model: "HPE CRAY EX235a",
    serial: "GE21100074",
    bmcFirmware: null,
    processors: 1,
    gpus: 8,
    memory: 8,
    memoryGib: 512,
    drives: 0,
    erasable: 0,
    nics: 5,
    powerSupplies: 0,
    media: 0,
  },
  "hpe/ilo5-dl360gen10-2.96": {
    vendor: "hpe",
    model: "ProLiant DL360 Gen10",
    serial: "MXQ004058X",
    bmcFirmware: "iLO 5 v2.96",
    // The crawl missed the collections of parts.
    processors: 0,
    gpus: 0,
    memory: 0,
    memoryGib: 384,
    drives: 0,
    erasable: 0,
    nics: 2,
    powerSupplies: 0,
    media: 0,
  },
  "hpe/ilo5-dl365gen10plus-3.14-simulated": {
    vendor: "hpe",
    model: "ProLiant DL365 Gen10 Plus -- SIMULATED",
    serial: "MXQ2370DLQ",
    bmcFirmware: "iLO 5 v3.14",
    processors: 2,
    gpus: 0,
    memory: 12,
    memoryGib: 192,
    drives: 2,
    erasable: 0,
    nics: 2,
    powerSupplies: 2,
    media: 2,
  },
  "hpe/ilo5-dl385gen10plusv2-2.72": {
    vendor: "hpe",
    model: "ProLiant DL385 Gen10 Plus v2",
    serial: "MXQ302099S",
    bmcFirmware: "iLO 5 v2.72",
    processors: 2,
    gpus: 0,
    memory: 16,
    memoryGib: 1024,
    drives: 18,
    erasable: 0,
    nics: 7,
    powerSupplies: 2,
    media: 2,
  },
  "hpe/ilo6-dl380agen11-1.66-simulated": {
    vendor: "hpe",
    model: "ProLiant DL380a Gen11 -- SIMULATED",
    serial: "2M2D2J00L4",
    bmcFirmware: "iLO 6 v1.66",
    processors: 2,
    gpus: 2,
    memory: 16,
    memoryGib: 512,
    drives: 7,
    erasable: 5,
    nics: 2,
    powerSupplies: 4,
    media: 2,
  },
  "lenovo/xcc-sr670v2-2.83": {
    vendor: "lenovo",
    model: "ThinkSystem SR670 V2",
    serial: "J105958B",
    bmcFirmware: "TGBT42S 2.83 2023-07-05",
    processors: 2,
    gpus: 8,
    memory: 16,
    memoryGib: 1024,
    drives: 4,
    erasable: 0,
    nics: 5,
    powerSupplies: 4,
    media: 10,
  },
  "nvidia/gb200-nvl-24.12-8": {
    vendor: "nvidia",
    model: "GB200 NVL",
    // The system says nothing; this is the shelf's.
    serial: "1333024020524",
    bmcFirmware: "GB200Nvl-24.12-8",
    processors: 2,
    gpus: 4,
    memory: 2,
    memoryGib: 960,
    drives: 9,
    erasable: 9,
    nics: 0,
    powerSupplies: 0,
    media: 2,
  },
  "nvidia/gh200-24.05-2": {
    vendor: "nvidia",
    model: "P3809",
    serial: "1580624650610",
    bmcFirmware: "GH200-24.05-2",
    processors: 2,
    gpus: 2,
    memory: 2,
    memoryGib: 960,
    drives: 0,
    erasable: 0,
    nics: 0,
    powerSupplies: 0,
    media: 2,
  },
  "openbmc/bluefield3-24.10-10": {
    vendor: "nvidia",
    model: "BlueField-3 SmartNIC Main Card",
    serial: "MT2423600ANG",
    bmcFirmware: "BF-24.10-10",
    processors: 0,
    gpus: 0,
    memory: 0,
    memoryGib: 0,
    drives: 0,
    erasable: 0,
    nics: 3,
    powerSupplies: 0,
    media: 0,
  },
  "openbmc/nvswitch-88.0002.1950": {
    vendor: "nvidia",
    model: "N5110_LD",
    serial: "MT2519600UDR",
    bmcFirmware: "88.0002.1950",
    processors: 0,
    gpus: 0,
    memory: 0,
    memoryGib: 0,
    drives: 0,
    erasable: 0,
    nics: 0,
    powerSupplies: 0,
    media: 0,
  },
  "openstack/sushy-tools-fake-driver": {
    vendor: null,
    model: "3500RX",
    serial: "437XR1138R2",
    bmcFirmware: "1.00",
    processors: 0,
    gpus: 0,
    memory: 0,
    memoryGib: null,
    drives: 1,
    erasable: 0,
    nics: 1,
    powerSupplies: 0,
    media: 2,
    power: "off",
  },
  "supermicro/x13-sys821ge-h100-11.01.01": {
    vendor: "supermicro",
    model: "SYS-821GE-TNHR",
    serial: "S889914X3710910",
    bmcFirmware: "11.01.01",
    processors: 2,
    gpus: 8,
    memory: 32,
    memoryGib: 2048,
    drives: 8,
    erasable: 0,
    nics: 12,
    powerSupplies: 8,
    media: 3,
  },
};

const folder = recordingsFolder();
const absence = "the recordings are not beside the repository (SHARED_DIR)";
const gib = 1024 ** 3;

let service: RecordedService | null = null;
let driver: TestDriver | null = null;

afterEach(async () => {
  await driver?.bmcs.close();
  await service?.close();
  driver = null;
  service = null;
});

const open = async (tree: string) => {
  service = await serveRecorded(join(folder!, tree));
  driver = createTestDriver();
  return { bmcs: driver.bmcs, bmc: refTo(service.address), driver };
};

describe("every recorded machine", () => {
  it("has a row here", (context) => {
    if (folder === null) return context.skip(absence);
    const manifest = JSON.parse(readFileSync(join(folder, "MANIFEST.json"), "utf8")) as {
      readonly trees: readonly { readonly tree: string }[];
    };
    expect(Object.keys(expectations).toSorted()).toEqual(
      manifest.trees.map(({ tree }) => tree).toSorted(),
    );
  });

  it.for(Object.entries(expectations))("%s is read", async ([tree, expected], context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc, driver: made } = await open(tree);

    const connected = await bmcs.connect(bmc, reading());
    expect(connected.vendor).toBe(expected.vendor);
    expect(connected.fingerprint256).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);

    const identity = await bmcs.identify(bmc, reading());
    expect(identity).toMatchObject({
      model: expected.model,
      serial: expected.serial,
      bmc: { vendor: expected.vendor, firmwareVersion: expected.bmcFirmware },
    });

    const state = await bmcs.readState(bmc, reading());
    expect(state).toMatchObject({ power: expected.power ?? "on", changing: false });

    const inventory = await bmcs.readInventory(bmc, reading());
    expect(Inventory.parse(inventory)).toEqual(inventory);
    expect({
      processors: inventory.processors.length,
      gpus: inventory.gpus.length,
      memory: inventory.memory.length,
      drives: inventory.drives.length,
      erasable: inventory.drives.filter(({ secureErase }) => secureErase).length,
      nics: inventory.networkInterfaces.length,
      powerSupplies: inventory.powerSupplies.length,
      media: (await bmcs.readMedia(bmc, [], reading())).length,
      memoryGib: inventory.system.memoryBytes === null ? null : inventory.system.memoryBytes / gib,
      serial: inventory.system.serial,
    }).toEqual({
      processors: expected.processors,
      gpus: expected.gpus,
      memory: expected.memory,
      drives: expected.drives,
      erasable: expected.erasable,
      nics: expected.nics,
      powerSupplies: expected.powerSupplies,
      media: expected.media,
      memoryGib: expected.memoryGib,
      serial: expected.serial,
    });
    // A recorded service answers at once: nothing had to be repeated.
    expect(made.clock.pauses).toEqual([]);
  });
});

describe("what the recordings taught", () => {
  it("tells the parts of one machine apart by id", async (context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc } = await open("hpe/ilo6-dl380agen11-1.66-simulated");
    const { drives } = await bmcs.readInventory(bmc, reading());
    // Two controllers, both with drives "2", "3" and "4".
    expect(new Set(drives.map(({ id }) => id)).size).toBe(7);
  });

  it("takes a Lenovo GPU's model from its PCIe device", async (context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc } = await open("lenovo/xcc-sr670v2-2.83");
    const { gpus } = await bmcs.readInventory(bmc, reading());
    expect(new Set(gpus.map(({ model }) => model))).toEqual(new Set(["NVIDIA L40"]));
    expect(gpus.map(({ serial }) => serial)).toContain("1325322005680");
  });

  it("writes MAC addresses in lower case and leaves out what is none", async (context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc } = await open("hpe/cray-ex235a-simulated");
    const { networkInterfaces } = await bmcs.readInventory(bmc, reading());
    expect(networkInterfaces.map(({ macAddress }) => macAddress).filter(Boolean)).toEqual([
      "00:40:a6:83:3a:52",
    ]);
  });

  it("skips firmware in reserve, and Dell's second listing of what is installed", async (context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc } = await open("dell/idrac9-r750-6.00.30.00");
    const { firmware } = await bmcs.readInventory(bmc, reading());
    const bios = firmware.filter(({ name }) => name === "BIOS");
    expect(bios.map(({ version }) => version)).toEqual(["1.8.2"]);
    expect(firmware.every(({ id }) => id.startsWith("Installed-"))).toBe(true);
  });

  it("says what it could not see, and why", async (context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc } = await open("hpe/ilo5-dl360gen10-2.96");
    const { notSeen } = await bmcs.readInventory(bmc, reading());
    expect(notSeen).toContainEqual({
      part: "drives",
      reason: "/redfish/v1/Systems/1/Storage: 404 ResourceMissingAtURI",
    });
  });

  it("does not take a powered-off machine's silence for absence", async (context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc } = await open("openstack/sushy-tools-fake-driver");
    const { notSeen } = await bmcs.readInventory(bmc, reading());
    expect(
      notSeen.filter(({ reason }) => reason.includes("powered off")).map(({ part }) => part),
    ).toEqual(["processors", "gpus", "memory", "drives", "networkInterfaces"]);
  });

  it("reads the boot settings where the machine keeps them", async (context) => {
    if (folder === null) return context.skip(absence);
    const { bmcs, bmc } = await open("openbmc/bluefield3-24.10-10");
    const { boot } = await bmcs.readState(bmc, reading());
    expect(boot).toEqual({ enabled: "disabled", target: "UefiHttp", mode: "UEFI" });
  });
});
