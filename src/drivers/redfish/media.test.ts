import { describe, expect, it } from "vitest";
import { type Answer, type Asked, paths, type ScriptedBmc } from "./testing/scripted-bmc.ts";
import { reading, writing } from "./testing/test-driver.ts";
import { failureOf, withBmc } from "./testing/with-bmc.ts";

const url = "https://images.example/installer.iso";
const cd = { url, kind: "cd" } as const;

const slotOf = (bmc: ScriptedBmc): Record<string, unknown> => bmc.resources[paths.slot]!;

const inserts = (bmc: ScriptedBmc): unknown[] =>
  bmc.asked.filter(({ path }) => path === paths.insert).map(({ body }) => body);

const refusing =
  (refuses: (body: Record<string, unknown>) => Answer | undefined) =>
  (asked: Asked): Answer | undefined =>
    asked.path === paths.insert ? refuses(asked.body as Record<string, unknown>) : undefined;

const message = (MessageId: string, ...MessageArgs: string[]): Answer => ({
  status: 400,
  body: { error: { "@Message.ExtendedInfo": [{ MessageId, MessageArgs }] } },
});

describe("inserting an image", () => {
  it("sends the bare URL, and nothing when it is in already", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      expect(await bmcs.insertMedia(ref, cd, writing())).toBe("asked");
      expect(inserts(bmc)).toEqual([{ Image: url }]);
      expect(await bmcs.readMedia(ref, [url], reading())).toEqual([
        { slot: paths.slot, types: ["CD", "DVD"], image: url, inserted: true, holds: url },
      ]);
      expect(await bmcs.insertMedia(ref, cd, writing())).toBe("already");
      expect(inserts(bmc)).toHaveLength(1);
    });
  });

  it("adds what a refusal says is missing", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = refusing((body) =>
        "TransferProtocolType" in body
          ? undefined
          : message("Base.1.12.ActionParameterMissing", "InsertMedia", "TransferProtocolType"),
      );
      await bmcs.insertMedia(ref, cd, writing());
      expect(inserts(bmc)).toEqual([{ Image: url }, { Image: url, TransferProtocolType: "HTTPS" }]);
    });
  });

  it("tries the known forms where a refusal says nothing", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = refusing((body) =>
        "TransferMethod" in body ? undefined : message("Base.1.0.GeneralError"),
      );
      await bmcs.insertMedia(ref, cd, writing());
      expect(inserts(bmc).at(-1)).toEqual({
        Image: url,
        TransferProtocolType: "HTTPS",
        TransferMethod: "Stream",
      });
      expect(new Set(inserts(bmc).map((body) => JSON.stringify(body))).size).toBe(
        inserts(bmc).length,
      );
    });
  });

  it("begins with what ActionInfo requires", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources["/redfish/v1/InsertInfo"] = {
        Parameters: [
          { Name: "Image", Required: true },
          { Name: "TransferProtocolType", Required: true },
          { Name: "UserName", Required: false },
        ],
      };
      slotOf(bmc)["Actions"] = {
        "#VirtualMedia.InsertMedia": {
          target: paths.insert,
          "@Redfish.ActionInfo": "/redfish/v1/InsertInfo",
        },
      };
      await bmcs.insertMedia(ref, cd, writing());
      expect(inserts(bmc)).toEqual([{ Image: url, TransferProtocolType: "HTTPS" }]);
    });
  });

  it("gives up with the BMC's words when no form is taken", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = refusing(() => ({
        status: 400,
        body: { error: { message: "Cannot download: 404" } },
      }));
      const failure = await failureOf(bmcs.insertMedia(ref, cd, writing()));
      expect(failure.code).toBe("BMC_REJECTED");
      expect(failure.message).toContain("Cannot download: 404");
      expect(inserts(bmc).length).toBeLessThan(10);
    });
  });

  it("ejects what else is in the slot, and waits until it is out", async () => {
    await withBmc(async ({ bmcs, bmc, ref, clock }) => {
      Object.assign(slotOf(bmc), {
        Image: "http://old/x.iso",
        Inserted: true,
        ConnectedVia: "URI",
      });
      let looks = 0;
      bmc.script = ({ method, path }) => {
        if (path === paths.eject) return { status: 204 };
        if (method !== "GET" || path !== paths.slot) return undefined;
        looks += 1;
        // Dell shows the old image for a while.
        if (looks === 4) Object.assign(slotOf(bmc), { Image: null, Inserted: false });
        return undefined;
      };
      expect(await bmcs.insertMedia(ref, cd, writing())).toBe("asked");
      expect(bmc.asked.find(({ path }) => path === paths.eject)?.body).toEqual({});
      expect(clock.pauses.length).toBeGreaterThan(0);
      expect(slotOf(bmc)["Image"]).toBe(url);
    });
  });

  it("does not insert over an image that will not leave", async () => {
    await withBmc(async ({ bmcs, bmc, ref, clock }) => {
      Object.assign(slotOf(bmc), { Image: "http://old/x.iso", Inserted: true });
      bmc.script = ({ path }) => (path === paths.eject ? { status: 204 } : undefined);
      const failure = await failureOf(bmcs.insertMedia(ref, cd, writing()));
      expect(failure).toMatchObject({ code: "BMC_BUSY", details: { reason: "not-ejected" } });
      expect(inserts(bmc)).toEqual([]);
      expect(clock.pauses.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(30_000);
    });
  });

  it("patches a slot that has no action (Lenovo)", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      slotOf(bmc)["Actions"] = {};
      bmc.resources["/redfish/v1"]!["Vendor"] = "Lenovo";
      await bmcs.insertMedia(ref, cd, writing());
      expect(slotOf(bmc)).toMatchObject({ Image: url, Inserted: true, WriteProtected: true });
      expect(await bmcs.ejectMedia(ref, url, writing())).toBe("asked");
      expect(slotOf(bmc)).toMatchObject({ Image: null, Inserted: false });
    });
  });

  it("takes the next slot when the first takes nothing", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const other = `${paths.manager}/VirtualMedia/Cd2`;
      bmc.resources[`${paths.manager}/VirtualMedia`] = {
        Members: [{ "@odata.id": other }, { "@odata.id": paths.slot }],
      };
      bmc.resources[other] = {
        "@odata.id": other,
        MediaTypes: ["CD"],
        Actions: { "#VirtualMedia.InsertMedia": { target: `${other}/Insert` } },
      };
      bmc.script = ({ path }) => (path === `${other}/Insert` ? { status: 405 } : undefined);
      expect(await bmcs.insertMedia(ref, cd, writing())).toBe("asked");
      expect(slotOf(bmc)["Image"]).toBe(url);
    });
  });

  it("repeats after a server error unless the image is in by then", async () => {
    await withBmc(async ({ bmcs, bmc, ref, clock }) => {
      bmc.script = ({ path }, times) =>
        path === paths.insert && times < 3 ? { status: 500 } : undefined;
      expect(await bmcs.insertMedia(ref, cd, writing())).toBe("asked");
      expect(clock.pauses).toEqual([3000, 3000]);
    });
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) => {
        if (path !== paths.insert) return undefined;
        Object.assign(slotOf(bmc), { Image: url, Inserted: true, ConnectedVia: "URI" });
        return { status: 500 };
      };
      expect(await bmcs.insertMedia(ref, cd, writing())).toBe("already");
      expect(inserts(bmc)).toHaveLength(1);
    });
  });

  it("tells a task that ends badly", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }, times) => {
        if (path === paths.insert)
          return { status: 202, headers: { Location: `${paths.tasks}/1` } };
        if (path !== `${paths.tasks}/1`) return undefined;
        return times < 3
          ? { status: 202 }
          : { body: { TaskState: "Exception", Messages: [{ Message: "The share is gone." }] } };
      };
      const failure = await failureOf(bmcs.insertMedia(ref, cd, writing()));
      expect(failure.code).toBe("BMC_TASK_FAILED");
      expect(failure.message).toContain("The share is gone.");
    });
  });

  it("leaves a long task to the caller's own look", async () => {
    await withBmc(async ({ bmcs, bmc, ref, clock }) => {
      bmc.script = ({ path }) => {
        if (path === paths.insert)
          return { status: 202, headers: { Location: `${paths.tasks}/1` } };
        return path === `${paths.tasks}/1` ? { status: 202 } : undefined;
      };
      expect(await bmcs.insertMedia(ref, cd, writing())).toBe("asked");
      expect(clock.pauses.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(30_000);
    });
  });

  it("never shows a config drive's URL in a failure", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const drive = {
        url: "https://cp.example/config/secret-path/cidata.iso",
        kind: "config-drive",
      } as const;
      const stick = `${paths.manager}/VirtualMedia/Usb`;
      bmc.resources[`${paths.manager}/VirtualMedia`] = {
        Members: [{ "@odata.id": paths.slot }, { "@odata.id": stick }],
      };
      bmc.resources[stick] = {
        "@odata.id": stick,
        MediaTypes: ["USBStick"],
        Actions: { "#VirtualMedia.InsertMedia": { target: `${stick}/Insert` } },
      };
      bmc.script = ({ path }) =>
        path === `${stick}/Insert`
          ? { status: 400, body: { error: { message: `cannot read ${drive.url}` } } }
          : undefined;
      const failure = await failureOf(bmcs.insertMedia(ref, drive, writing()));
      expect(failure.message).toContain("cannot read the config drive's URL");
      expect(JSON.stringify([failure.message, failure.details])).not.toContain("secret-path");
      // The CD slot is kept for the installer.
      expect(inserts(bmc)).toEqual([]);
    });
  });

  it.each(["https://cp.example", "https://CP.Example"])(
    "never shows it in what becomes of the task, nor when it is read or ejected (%s)",
    async (origin) => {
      await withBmc(async ({ bmcs, bmc, ref }) => {
        const secret = "https://cp.example/media/secret-path/config.iso";
        const words = `cannot read ${origin}/media/secret-path/config.iso`;
        const task = {
          TaskState: "Exception",
          TaskStatus: "Critical",
          Messages: [{ Message: words }],
        };
        slotOf(bmc)["MediaTypes"] = ["CD"];
        const stick = `${paths.manager}/VirtualMedia/Usb`;
        bmc.resources[`${paths.manager}/VirtualMedia`] = {
          Members: [{ "@odata.id": paths.slot }, { "@odata.id": stick }],
        };
        bmc.resources[stick] = {
          "@odata.id": stick,
          MediaTypes: ["USBStick"],
          Actions: {
            "#VirtualMedia.InsertMedia": { target: `${stick}/Insert` },
            "#VirtualMedia.EjectMedia": { target: `${stick}/Eject` },
          },
        };
        bmc.resources[`${paths.tasks}/1`] = task;
        const refusal = { status: 400, body: { error: { message: words } } };
        bmc.script = ({ path }) =>
          path === `${stick}/Insert`
            ? { status: 202, headers: { Location: `${paths.tasks}/1` } }
            : path === `${stick}/Eject`
              ? refusal
              : undefined;
        const drive = { url: secret, kind: "config-drive" } as const;
        const failures = [await failureOf(bmcs.insertMedia(ref, drive, writing()))];
        Object.assign(bmc.resources[stick], { Image: secret, Inserted: true });
        failures.push(await failureOf(bmcs.ejectMedia(ref, secret, writing())));
        bmc.script = ({ path }) => (path === paths.system ? refusal : undefined);
        failures.push(await failureOf(bmcs.readMedia(ref, [secret], reading())));
        expect(failures.map(({ code }) => code)).toEqual([
          "BMC_TASK_FAILED",
          "BMC_REJECTED",
          "BMC_REJECTED",
        ]);
        const said = failures.map(({ message, details }) => JSON.stringify([message, details]));
        expect(said.filter((text) => text.includes("secret-path"))).toEqual([]);
        expect(said.every((text) => text.includes("cannot read"))).toBe(true);
      });
    },
  );

  it("says when no slot fits", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const drive = { url, kind: "config-drive" } as const;
      expect((await failureOf(bmcs.insertMedia(ref, drive, writing()))).code).toBe(
        "BMC_UNSUPPORTED",
      );
      slotOf(bmc)["MediaTypes"] = ["Floppy"];
      expect((await failureOf(bmcs.insertMedia(ref, cd, writing()))).code).toBe("BMC_UNSUPPORTED");
    });
  });
});

describe("reading slots", () => {
  it.each<[string, Record<string, unknown>, string | null, boolean]>([
    ['HPE\'s empty ""', { Image: "", Inserted: false }, null, false],
    ["Supermicro's old image", { Image: "http://x/y.iso", Inserted: false }, null, false],
    ["an image without Inserted", { Image: url, Inserted: null, ConnectedVia: "URI" }, url, true],
    ["Dell's Inserted after an eject", { Image: null, Inserted: true }, null, true],
  ])("understands %s", async (_name, values, image, inserted) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      Object.assign(slotOf(bmc), values);
      expect(await bmcs.readMedia(ref, [], reading())).toMatchObject([{ image, inserted }]);
    });
  });

  it("prefers the system's own slots to the manager's view of them", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const own = `${paths.system}/VirtualMedia/1`;
      bmc.resources[paths.system]!["VirtualMedia"] = {
        "@odata.id": `${paths.system}/VirtualMedia`,
      };
      bmc.resources[`${paths.system}/VirtualMedia`] = { Members: [{ "@odata.id": own }] };
      bmc.resources[own] = { ...slotOf(bmc), "@odata.id": own };
      expect((await bmcs.readMedia(ref, [], reading())).map(({ slot }) => slot)).toEqual([own]);
    });
  });

  it("leaves out a slot that takes no image, and keeps one that Allow says can be patched", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      slotOf(bmc)["Actions"] = {};
      expect(await bmcs.readMedia(ref, [], reading())).toEqual([]);
      bmc.script = ({ path }) =>
        path === paths.slot ? { headers: { Allow: "GET, PATCH" }, body: slotOf(bmc) } : undefined;
      expect(await bmcs.readMedia(ref, [], reading())).toHaveLength(1);
    });
  });
});

describe("a URL that the BMC writes in its own way", () => {
  const asked = "https://Images.Example/debian 13.iso";
  const shown = "https://images.example/debian%2013.iso";

  it("is seen to be in, is not inserted again, and is ejected", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = (request) => {
        if (request.path === paths.insert)
          Object.assign(slotOf(bmc), { Image: shown, Inserted: true });
        return request.path === paths.insert ? { status: 204 } : undefined;
      };
      const medium = { url: asked, kind: "cd" } as const;
      expect(await bmcs.insertMedia(ref, medium, writing())).toBe("asked");
      expect(await bmcs.readMedia(ref, [url, asked], reading())).toMatchObject([
        { image: shown, inserted: true, holds: asked },
      ]);
      expect(await bmcs.insertMedia(ref, medium, writing())).toBe("already");
      expect(await bmcs.readMedia(ref, [url], reading())).toMatchObject([{ holds: null }]);
      expect(await bmcs.ejectMedia(ref, asked, writing())).toBe("asked");
      expect(await bmcs.readMedia(ref, [asked], reading())).toMatchObject([{ holds: null }]);
    });
  });
});

describe("ejecting an image", () => {
  it("touches nothing but the image that is meant", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      Object.assign(slotOf(bmc), { Image: "http://somebody/else.iso", Inserted: true });
      expect(await bmcs.ejectMedia(ref, url, writing())).toBe("already");
      expect(bmc.asked.some(({ path }) => path === paths.eject)).toBe(false);
    });
  });

  it("ignores the refusal of a slot that is empty by then", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      Object.assign(slotOf(bmc), { Image: url, Inserted: true });
      bmc.script = ({ path }) => {
        if (path !== paths.eject) return undefined;
        Object.assign(slotOf(bmc), { Image: null, Inserted: false });
        return { status: 500 };
      };
      expect(await bmcs.ejectMedia(ref, url, writing())).toBe("asked");
    });
  });

  it("recognises its URL however the BMC writes it", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      Object.assign(slotOf(bmc), {
        Image: "https://IMAGES.example:443/installer.iso",
        Inserted: true,
      });
      expect(await bmcs.ejectMedia(ref, url, writing())).toBe("asked");
      expect(slotOf(bmc)["Image"]).toBeNull();
    });
  });
});
