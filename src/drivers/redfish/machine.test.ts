import { describe, expect, it } from "vitest";
import { paths, type ScriptedBmc } from "./testing/scripted-bmc.ts";
import { reading, writing } from "./testing/test-driver.ts";
import { failureOf, withBmc } from "./testing/with-bmc.ts";

const link = (path: string): object => ({ "@odata.id": path });

const addSystem = (bmc: ScriptedBmc, path: string, more: Record<string, unknown>): void => {
  bmc.resources["/redfish/v1/Systems"] = { Members: [link(path), link(paths.system)] };
  bmc.resources[path] = { "@odata.id": path, ...more };
};

describe("finding the machine behind a BMC", () => {
  it("passes over a GPU baseboard", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addSystem(bmc, "/redfish/v1/Systems/HGX", { Boot: {}, PowerState: "On" });
      expect(await bmcs.setPower(ref, "on", writing())).toBe("asked");
    });
  });

  it("passes over a DPU that can be switched", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const { Actions, Boot } = bmc.resources[paths.system]!;
      addSystem(bmc, "/redfish/v1/Systems/Dpu", { SystemType: "DPU", Actions, Boot });
      expect((await bmcs.identify(ref, reading())).serial).toBe("S1");
    });
  });

  it("does not guess between two", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const { Actions, Boot } = bmc.resources[paths.system]!;
      addSystem(bmc, "/redfish/v1/Systems/2", { Actions, Boot });
      const failure = await failureOf(bmcs.setPower(ref, "on", writing()));
      expect(failure).toMatchObject({
        code: "BMC_UNSUPPORTED",
        details: { reason: "which-system" },
      });
    });
  });

  it("is asked again later while a starting BMC lists none", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources["/redfish/v1/Systems"] = { Members: [] };
      expect((await failureOf(bmcs.readState(ref, reading()))).code).toBe("BMC_BUSY");
    });
  });

  it("is done once, and again when its path has changed", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      await bmcs.readState(ref, reading());
      bmc.asked.length = 0;
      await bmcs.readState(ref, reading());
      expect(bmc.asked.map(({ path }) => path)).toEqual([paths.system]);
      bmc.resources["/redfish/v1/Systems"] = { Members: [link("/redfish/v1/Systems/new")] };
      bmc.resources["/redfish/v1/Systems/new"] = {
        ...bmc.resources[paths.system],
        PowerState: "On",
      };
      delete bmc.resources[paths.system];
      expect((await bmcs.readState(ref, reading())).power).toBe("on");
    });
  });

  it("finds the manager by what it says it manages when the system names none", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["Links"] = {};
      bmc.resources["/redfish/v1/Managers"] = {
        Members: [link("/redfish/v1/Managers/Enclosure"), link(paths.manager)],
      };
      bmc.resources["/redfish/v1/Managers/Enclosure"] = { Model: "Enclosure" };
      Object.assign(bmc.resources[paths.manager]!, {
        Model: "Right",
        Links: { ManagerForServers: [link(`${paths.system}/`)] },
      });
      expect((await bmcs.identify(ref, reading())).bmc.model).toBe("Right");
    });
  });
});

describe("an account without rights", () => {
  it("is told apart from wrong credentials and from a missing licence", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) =>
        path === "/redfish/v1/Systems" ? { status: 403, body: "<html>no</html>" } : undefined;
      expect(await failureOf(bmcs.connect(ref, reading()))).toMatchObject({
        code: "BMC_REJECTED",
        details: { reason: "privilege", status: 403 },
      });
      const body = {
        error: { "@Message.ExtendedInfo": [{ MessageId: "iLO.2.15.LicenseKeyRequired" }] },
      };
      bmc.script = ({ path }) =>
        path === "/redfish/v1/Systems" ? { status: 403, body } : undefined;
      expect(await failureOf(bmcs.connect(ref, reading()))).toMatchObject({
        code: "BMC_UNSUPPORTED",
        details: { reason: "licence" },
      });
    });
  });
});

describe("collections", () => {
  const storage = `${paths.system}/Storage`;

  const addDrive = (bmc: ScriptedBmc, name: string): string => {
    const path = `${storage}/1/Drives/${name}`;
    bmc.resources[path] = { "@odata.id": path, Id: name };
    return path;
  };

  it("are read page by page, each member once, and never in circles", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const chassis = "/redfish/v1/Chassis/1";
      const drives = `${chassis}/Drives`;
      bmc.resources["/redfish/v1/Chassis"] = { Members: [link(chassis)] };
      bmc.resources[chassis] = { "@odata.id": chassis, Drives: link(drives) };
      const [a, b, c] = ["a", "b", "c"].map((name) => addDrive(bmc, name));
      bmc.resources[drives] = {
        Members: [link(a!), link(b!)],
        "Members@odata.nextLink": "?$skip=2",
      };
      bmc.resources[`${drives}?$skip=2`] = {
        Members: [link(b!.toLowerCase()), link(c!)],
        "Members@odata.nextLink": drives,
      };
      const { drives: found } = await bmcs.readInventory(ref, reading());
      expect(found.map(({ id }) => id)).toEqual(["a", "b", "c"]);
      expect(bmc.calls().filter((call) => call === `GET ${drives}`)).toHaveLength(1);
    });
  });

  it("that list a member twice have it once", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const inventory = "/redfish/v1/UpdateService/FirmwareInventory";
      bmc.resources["/redfish/v1"]!["UpdateService"] = link("/redfish/v1/UpdateService");
      bmc.resources["/redfish/v1/UpdateService"] = { FirmwareInventory: link(inventory) };
      bmc.resources[inventory] = {
        Members: [link(`${inventory}/BIOS`), link(`${inventory}/bios/`), link(`${inventory}/BMC`)],
      };
      bmc.resources[`${inventory}/BIOS`] = { Id: "BIOS", Version: "1" };
      bmc.resources[`${inventory}/bios`] = { Id: "BIOS", Version: "1" };
      bmc.resources[`${inventory}/BMC`] = { Id: "BMC", Version: "2" };
      const { firmware } = await bmcs.readInventory(ref, reading());
      expect(firmware.map(({ id }) => id)).toEqual(["BIOS", "BMC"]);
    });
  });

  it("with one bad member keep the others, and say which is missing", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[storage] = { Members: [link(`${storage}/1`)] };
      const good = addDrive(bmc, "good");
      const bad = addDrive(bmc, "bad");
      bmc.resources[`${storage}/1`] = { Drives: [link(bad), link(good)] };
      bmc.script = ({ path }) => (path === bad ? { status: 500 } : undefined);
      const { drives, notSeen } = await bmcs.readInventory(ref, reading());
      expect(drives.map(({ id }) => id)).toEqual(["good"]);
      expect(notSeen).toContainEqual({ part: "drives", reason: `${bad}: 500` });
    });
  });

  it.each([
    ["refused", { status: 501 }],
    ["cut off", { body: '{"Members":[{"Id":"a"' }],
    ["ignored", undefined],
  ])(
    "are read one by one where $expand is %s, and $expand is not tried again",
    async (_name, answer) => {
      await withBmc(async ({ bmcs, bmc, ref }) => {
        bmc.resources["/redfish/v1"]!["ProtocolFeaturesSupported"] = {
          ExpandQuery: { NoLinks: true, Levels: true, MaxLevels: 1 },
        };
        bmc.resources[storage] = { Members: [link(`${storage}/1`)] };
        bmc.resources[`${storage}/1`] = { Drives: [link(addDrive(bmc, "a"))] };
        bmc.script = ({ path }) => {
          if (!path.includes("$expand")) return undefined;
          return answer ?? { body: bmc.resources[path.split("?")[0]!] };
        };
        const { drives } = await bmcs.readInventory(ref, reading());
        expect(drives).toHaveLength(1);
        bmc.asked.length = 0;
        await bmcs.readInventory(ref, reading());
        expect(bmc.asked.some(({ path }) => path.includes("$expand"))).toBe(false);
      });
    },
  );

  it("may lack their members, or have null for them", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      for (const collection of [{}, { Members: null }]) {
        bmc.resources[storage] = collection;
        expect((await bmcs.readInventory(ref, reading())).drives).toEqual([]);
      }
    });
  });
});
