import { expect, it } from "vitest";
import { Inventory } from "#contract/inventory.ts";
import { inventoryOf } from "./inventory.ts";
import { hardwareData } from "./kinds.ts";

const read = (hardware: object) => {
  const { spec } = hardwareData.schema.parse({
    metadata: { name: "srv-1", uid: "u", resourceVersion: "1" },
    spec: { hardware },
  });
  if (spec.hardware === undefined) throw new Error("there is no hardware");
  return inventoryOf(spec.hardware);
};

it("tells what Metal3 found, and of the rest that it was not seen", () => {
  const inventory = read({
    cpu: { arch: "x86_64", count: 128, model: "Xeon" },
    firmware: { bios: { version: "2.1" } },
    hostname: "db-7",
    ramMebibytes: 2048,
    systemVendor: { manufacturer: "Dell Inc.", productName: "R760", serialNumber: "7GJV033" },
    storage: [
      { name: "/dev/sda", type: "HDD", rotational: true, serialNumber: "d-1", sizeBytes: 4000 },
      { name: "/dev/nvme0n1", type: "NVME", vendor: "Kioxia" },
      { name: "/dev/sdb" },
    ],
    nics: [],
  });
  expect(Inventory.parse(inventory)).toEqual(inventory);
  expect(inventory.system).toMatchObject({
    serial: "7GJV033",
    model: "R760",
    hostName: "db-7",
    biosVersion: "2.1",
    memoryBytes: 2_147_483_648,
    power: "unknown",
  });
  expect(inventory.drives).toMatchObject([
    { id: "d-1", mediaType: "HDD", sizeBytes: 4000, protocol: null },
    { id: "/dev/nvme0n1", mediaType: "SSD", protocol: "NVMe", manufacturer: "Kioxia" },
    { id: "/dev/sdb", mediaType: null, serial: null },
  ]);
  expect(inventory.notSeen.map(({ part }) => part)).toContain("memory");
});

it("counts a card once, however many addresses it has", () => {
  const card = { name: "eno1", mac: "52:54:00:AA:BB:01", speedGbps: 25 };
  const { networkInterfaces } = read({
    nics: [
      { ...card, ip: "10.0.0.7" },
      { ...card, ip: "fd00::7" },
      { name: "eno2", mac: "52:54:00:aa:bb:02" },
    ],
  });
  expect(networkInterfaces).toMatchObject([
    { id: "52:54:00:aa:bb:01", macAddress: "52:54:00:aa:bb:01", speedMbps: 25_000 },
    { id: "52:54:00:aa:bb:02", speedMbps: null },
  ]);
});

it("has nothing to tell of a machine of which nothing is known", () => {
  expect(read({})).toMatchObject({ drives: [], networkInterfaces: [], system: { serial: null } });
});
