import { describe, expect, it } from "vitest";
import { paths, type ScriptedBmc } from "./testing/scripted-bmc.ts";
import { reading, writing } from "./testing/test-driver.ts";
import { failureOf, withBmc } from "./testing/with-bmc.ts";

const storage = `${paths.system}/Storage`;
const drivePath = (name: string): string => `${storage}/1/Drives/${name}`;
const erasePath = (name: string): string => `${drivePath(name)}/Actions/Drive.SecureErase`;
const link = (path: string): object => ({ "@odata.id": path });

interface DriveOptions {
  readonly erasable?: boolean;
  readonly action?: object;
  readonly more?: Record<string, unknown>;
}

/** Gives the machine one controller with these drives, and switches it on. */
const addDrives = (bmc: ScriptedBmc, drives: Readonly<Record<string, DriveOptions>>): void => {
  const names = Object.keys(drives);
  bmc.resources[paths.system]!["PowerState"] = "On";
  bmc.resources[storage] = { Members: [link(`${storage}/1`)] };
  bmc.resources[`${storage}/1`] = {
    Name: "RAID",
    Drives: names.map((name) => link(drivePath(name))),
  };
  for (const [name, { erasable = true, action = {}, more = {} }] of Object.entries(drives)) {
    bmc.resources[drivePath(name)] = {
      "@odata.id": drivePath(name),
      Id: name,
      SerialNumber: `SN-${name}`,
      CapacityBytes: 1000,
      ...(erasable
        ? { Actions: { "#Drive.SecureErase": { target: erasePath(name), ...action } } }
        : {}),
      ...more,
    };
  }
};

const erases = (bmc: ScriptedBmc): unknown[] =>
  bmc.asked
    .filter(({ method, path }) => method === "POST" && path.includes("Erase"))
    .map(({ path, body }) => [path, body]);

/** Every erase is taken as a task named after its drive. */
const takeAsTasks = (bmc: ScriptedBmc): void => {
  bmc.script = ({ method, path }) =>
    method === "POST" && path.endsWith("SecureErase")
      ? { status: 202, headers: { Location: `${paths.tasks}/${path.split("/").at(-3)}` } }
      : undefined;
};

describe("erasing drive by drive", () => {
  it("starts one task per drive and follows each", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {}, b: {} });
      takeAsTasks(bmc);
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      expect(targets).toEqual([
        { serial: "SN-a", driveId: "a", method: "SecureErase", task: `${paths.tasks}/a` },
        { serial: "SN-b", driveId: "b", method: "SecureErase", task: `${paths.tasks}/b` },
      ]);
      bmc.resources[`${paths.tasks}/a`] = { TaskState: "Completed", TaskStatus: "OK" };
      bmc.resources[`${paths.tasks}/b`] = { TaskState: "Running", PercentComplete: 40 };
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { driveId: "a", state: "done" },
        { driveId: "b", state: "running", percent: 40 },
      ]);
      bmc.resources[`${paths.tasks}/b`] = { TaskState: "Completed", TaskStatus: "Critical" };
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { state: "done" },
        { state: "failed" },
      ]);
    });
  });

  it("asks for the method that proves itself, at once", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources["/redfish/v1/Sanitize"] = {
        Parameters: [
          {
            Name: "SanitizationType",
            AllowableValues: ["Overwrite", "BlockErase", "CryptographicErase"],
          },
        ],
      };
      addDrives(bmc, {
        a: { action: { "@Redfish.ActionInfo": "/redfish/v1/Sanitize" } },
        b: {
          action: {
            "@Redfish.OperationApplyTimeSupport": { SupportedValues: ["OnReset", "Immediate"] },
          },
        },
      });
      takeAsTasks(bmc);
      const [first] = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      expect(first?.method).toBe("CryptographicErase");
      expect(erases(bmc)).toEqual([
        [erasePath("a"), { SanitizationType: "CryptographicErase" }],
        [erasePath("b"), { "@Redfish.OperationApplyTime": "Immediate" }],
      ]);
    });
  });

  it("does not start again what a crashed attempt has started", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, {
        a: {},
        b: { more: { Operations: [{ OperationName: "Sanitize", PercentageComplete: 12 }] } },
        c: { more: { Operations: [{ OperationName: "", PercentageComplete: 0 }] } },
      });
      bmc.resources[paths.tasks] = {
        Members: [link(`${paths.tasks}/9`), link(`${paths.tasks}/8`)],
      };
      bmc.resources[`${paths.tasks}/9`] = {
        TaskState: "Running",
        Payload: { TargetUri: `${erasePath("a").toUpperCase()}/` },
      };
      bmc.resources[`${paths.tasks}/8`] = {
        TaskState: "Completed",
        Payload: { TargetUri: erasePath("c") },
      };
      takeAsTasks(bmc);
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      expect(targets.map(({ task }) => task)).toEqual([
        `${paths.tasks}/9`,
        drivePath("b"),
        `${paths.tasks}/c`,
      ]);
      expect(erases(bmc)).toEqual([[erasePath("c"), {}]]);
    });
  });

  it("takes an erase that has ended for its own when the BMC tells that it was begun since", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {}, b: {}, c: {} });
      bmc.resources[paths.taskService] = {
        ...bmc.resources[paths.taskService],
        DateTime: "2019-01-01T00:10:00Z",
      };
      const tasks = {
        old: ["a", "00:04:00", "OK"],
        ours: ["b", "00:06:00", "OK"],
        bad: ["c", "00:06:00", "Critical"],
      } as const;
      bmc.resources[paths.tasks] = {
        Members: Object.keys(tasks).map((id) => link(`${paths.tasks}/${id}`)),
      };
      for (const [id, [drive, time, TaskStatus]] of Object.entries(tasks)) {
        bmc.resources[`${paths.tasks}/${id}`] = {
          TaskState: "Completed",
          TaskStatus,
          StartTime: `2019-01-01T${time}Z`,
          Payload: { TargetUri: erasePath(drive) },
        };
      }
      takeAsTasks(bmc);
      const targets = await bmcs.startErase(ref, { withinMs: 5 * 60_000 }, writing());
      expect(targets.map(({ task }) => task)).toEqual([
        `${paths.tasks}/a`,
        `${paths.tasks}/ours`,
        `${paths.tasks}/c`,
      ]);
      expect(erases(bmc)).toEqual([
        [erasePath("a"), {}],
        [erasePath("c"), {}],
      ]);
    });
  });

  it("follows the drive itself where there is no task", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: { more: { Operations: [] } } });
      const drive = bmc.resources[drivePath("a")]!;
      bmc.script = ({ path }) => {
        if (path !== erasePath("a")) return undefined;
        drive["Operations"] = [{ OperationName: "Sanitize", PercentageComplete: 5 }];
        return { status: 200, body: {} };
      };
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      expect(targets).toMatchObject([{ task: drivePath("a") }]);
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { state: "running", percent: 5 },
      ]);
      drive["Operations"] = [];
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([{ state: "done" }]);
    });
  });

  it("calls a vanished task unknown, never done", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {} });
      takeAsTasks(bmc);
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { driveId: "a", serial: "SN-a", state: "unknown" },
      ]);
      bmc.resources[drivePath("a")]!["Operations"] = [
        { OperationName: "Sanitize", PercentageComplete: 60 },
      ];
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { state: "running", percent: 60 },
      ]);
    });
  });

  it("finds Dell's job behind a task that was removed", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {} });
      bmc.script = ({ path }) =>
        path === erasePath("a")
          ? { status: 202, headers: { Location: `${paths.tasks}/JID_42` } }
          : undefined;
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      const jobs = `${paths.manager}/Jobs`;
      bmc.resources[paths.manager]!["Links"] = { Oem: { Dell: { Jobs: link(jobs) } } };
      bmc.resources[jobs] = { Members: [link(`${jobs}/JID_41`), link(`${jobs}/JID_42`)] };
      bmc.resources[`${jobs}/JID_42`] = { JobState: "Completed", Message: "Job completed." };
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { state: "done", message: "task JID_42 Completed: Job completed." },
      ]);
    });
  });

  it("says what it saw of a task that is done", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {} });
      const task = `${paths.tasks}/7`;
      bmc.script = ({ path }) =>
        path === erasePath("a") ? { status: 202, headers: { Location: task } } : undefined;
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      bmc.resources[task] = { TaskState: "Completed", EndTime: "2026-03-02T08:05:00Z" };
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { state: "done", message: "task 7 Completed at 2026-03-02T08:05:00Z" },
      ]);
      bmc.resources[task] = { "@odata.id": "/redfish/v1/Systems/1/Storage/1/Drives/a" };
      expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([
        { state: "done", message: "task monitor 7 answered 200" },
      ]);
    });
  });
});

describe("what is not erased is not called erased", () => {
  it("when a drive offers no way", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {}, b: { erasable: false } });
      const failure = await failureOf(bmcs.startErase(ref, { withinMs: 0 }, writing()));
      expect(failure.code).toBe("BMC_UNSUPPORTED");
      expect(failure.details).toMatchObject({ drives: [{ id: "b", serial: "SN-b" }] });
      expect(erases(bmc)).toEqual([]);
    });
  });

  it("when a drive cannot be read", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {}, b: {} });
      delete bmc.resources[drivePath("b")];
      const failure = await failureOf(bmcs.startErase(ref, { withinMs: 0 }, writing()));
      expect(failure).toMatchObject({
        code: "BMC_UNSUPPORTED",
        details: { reason: "drives-not-seen" },
      });
      expect(erases(bmc)).toEqual([]);
    });
  });

  it("when the machine is off and shows no drive", async () => {
    await withBmc(async ({ bmcs, ref }) => {
      expect((await failureOf(bmcs.startErase(ref, { withinMs: 0 }, writing()))).code).toBe(
        "BMC_UNSUPPORTED",
      );
    });
  });

  it("when the machine is on and shows no drive", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["PowerState"] = "On";
      const bare = { code: "BMC_UNSUPPORTED", details: { reason: "no-drives", notSeen: [] } };
      expect(await failureOf(bmcs.startErase(ref, { withinMs: 0 }, writing()))).toMatchObject(bare);
      expect(await failureOf(bmcs.eraseOffer(ref, reading()))).toMatchObject(bare);
    });
  });
});

describe("what is offered", () => {
  it("is told per drive, and nothing is sent", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: {}, b: { erasable: false } });
      expect(await bmcs.eraseOffer(ref, reading())).toEqual([
        { driveId: "a", serial: "SN-a", way: "drive" },
        { driveId: "b", serial: "SN-b", way: "none" },
      ]);
      const target = `${paths.system}/Actions/SecureSystemErase`;
      const Actions = { "#HpeComputerSystemExt.SecureSystemErase": { target } };
      bmc.resources[paths.system]!["Oem"] = { Hpe: { Actions } };
      const offer = await bmcs.eraseOffer(ref, reading());
      expect(offer.map(({ way }) => way)).toEqual(["system", "system"]);
      expect(erases(bmc)).toEqual([]);
    });
  });

  it("is not known while some drive may not be seen", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const details = { reason: "drives-not-seen" };
      expect(await failureOf(bmcs.eraseOffer(ref, reading()))).toMatchObject({ details });
      addDrives(bmc, { a: {} });
      delete bmc.resources[drivePath("a")];
      expect(await failureOf(bmcs.eraseOffer(ref, reading()))).toMatchObject({ details });
    });
  });
});

describe("erasing the whole machine", () => {
  const service = `${paths.manager}/LC`;

  const addDell = (bmc: ScriptedBmc, LCStatus: string): void => {
    bmc.resources[paths.manager]!["Links"] = { Oem: { Dell: { DellLCService: link(service) } } };
    bmc.resources[service] = {
      Actions: {
        "#DellLCService.SystemErase": {
          target: `${service}/SystemErase`,
          "Component@Redfish.AllowableValues": [
            "BIOS",
            "CryptographicErasePD",
            "IDRAC",
            "OverwritePD",
          ],
        },
        "#DellLCService.GetRemoteServicesAPIStatus": { target: `${service}/Status` },
      },
    };
    bmc.script = ({ path }) => {
      if (path === `${service}/Status`) return { body: { LCStatus } };
      return path === `${service}/SystemErase`
        ? { status: 202, headers: { Location: `${paths.tasks}/JID_7` } }
        : undefined;
    };
  };

  it("is Dell's SystemErase of the drives only, told per drive", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const Oem = { Dell: { DellPCIeSSD: { SystemEraseCapability: "CryptographicErasePD" } } };
      addDrives(bmc, { a: {}, b: { erasable: false, more: { Oem } } });
      addDell(bmc, "Ready");
      expect(await bmcs.startErase(ref, { withinMs: 0 }, writing())).toEqual([
        { serial: "SN-a", driveId: "a", method: "system", task: `${paths.tasks}/JID_7` },
        { serial: "SN-b", driveId: "b", method: "system", task: `${paths.tasks}/JID_7` },
      ]);
      expect(erases(bmc)).toEqual([
        [`${service}/SystemErase`, { Component: ["CryptographicErasePD", "OverwritePD"] }],
      ]);
    });
  });

  it("waits for Dell's Lifecycle Controller", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: { erasable: false } });
      addDell(bmc, "InRecovery");
      expect((await failureOf(bmcs.startErase(ref, { withinMs: 0 }, writing()))).code).toBe(
        "BMC_BUSY",
      );
      expect(erases(bmc)).toEqual([]);
    });
  });

  it("is HPE's SecureSystemErase, followed on the system", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      addDrives(bmc, { a: { erasable: false } });
      const target = `${paths.system}/Actions/SecureSystemErase`;
      const hpe: Record<string, unknown> = {
        Actions: { "#HpeComputerSystemExt.SecureSystemErase": { target } },
        UserDataEraseStatus: "Idle",
      };
      bmc.resources[paths.system]!["Oem"] = { Hpe: hpe };
      bmc.script = ({ path }) => (path === target ? { status: 200, body: {} } : undefined);
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing());
      expect(erases(bmc)).toEqual([[target, { SystemROMAndiLOErase: false, UserDataErase: true }]]);
      expect(bmc.asked.at(-1)).toMatchObject({
        path: paths.reset,
        body: { ResetType: "ForceRestart" },
      });
      for (const [status, state] of [
        ["InProgress", "running"],
        ["CompletedWithSuccess", "done"],
        ["CompletedWithErrors", "failed"],
      ]) {
        hpe["UserDataEraseStatus"] = status;
        expect(await bmcs.readErase(ref, targets, reading())).toMatchObject([{ state }]);
      }
      // A second start while it runs sends nothing.
      hpe["UserDataEraseStatus"] = "InProgress";
      bmc.asked.length = 0;
      await bmcs.startErase(ref, { withinMs: 0 }, writing());
      expect(erases(bmc)).toEqual([]);
    });
  });
});
