import { describe, expect, it } from "vitest";
import { paths, type ScriptedBmc } from "./testing/scripted-bmc.ts";
import { reading, writing } from "./testing/test-driver.ts";
import { failureOf, withBmc } from "./testing/with-bmc.ts";

const settings = `${paths.system}/Settings`;

const patches = (bmc: ScriptedBmc): unknown[] =>
  bmc.asked
    .filter(({ method }) => method === "PATCH")
    .map(({ path, body }) => [path, (body as { Boot: unknown }).Boot]);

const bootOf = (bmc: ScriptedBmc): Record<string, unknown> =>
  bmc.resources[paths.system]!["Boot"] as Record<string, unknown>;

const withSettings = (bmc: ScriptedBmc, Boot: Record<string, unknown>): void => {
  bmc.resources[paths.system]!["@Redfish.Settings"] = { SettingsObject: { "@odata.id": settings } };
  bmc.resources[settings] = { Boot };
};

describe("booting once from a virtual CD", () => {
  it("sets target and enabled in one patch, and reads back", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      expect(await bmcs.setBootOnceCd(ref, writing())).toBe("asked");
      expect(patches(bmc)).toEqual([
        [paths.system, { BootSourceOverrideTarget: "Cd", BootSourceOverrideEnabled: "Once" }],
      ]);
      expect((await bmcs.readState(ref, reading())).boot).toEqual({
        enabled: "once",
        target: "Cd",
        mode: "UEFI",
      });
      expect(await bmcs.setBootOnceCd(ref, writing())).toBe("already");
      expect(patches(bmc)).toHaveLength(1);
    });
  });

  it.each([
    ["Supermicro", ["None", "Cd", "UsbCd"], "UsbCd"],
    ["Supermicro", ["None", "Cd"], "Cd"],
    ["Example", ["None", "CD/DVD"], "CD/DVD"],
  ])("is called what a %s with %j offers", async (vendor, allowed, target) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources["/redfish/v1"]!["Vendor"] = vendor;
      bootOf(bmc)["BootSourceOverrideTarget@Redfish.AllowableValues"] = allowed;
      await bmcs.setBootOnceCd(ref, writing());
      expect(bootOf(bmc)["BootSourceOverrideTarget"]).toBe(target);
    });
  });

  it.each(["Supermicro", "AMI"])(
    "sends the mode again to a %s, which else resets it",
    async (vendor) => {
      await withBmc(async ({ bmcs, bmc, ref }) => {
        bmc.resources["/redfish/v1"]!["Vendor"] = vendor;
        await bmcs.setBootOnceCd(ref, writing());
        expect(patches(bmc)).toEqual([
          [
            paths.system,
            {
              BootSourceOverrideTarget: "Cd",
              BootSourceOverrideEnabled: "Once",
              BootSourceOverrideMode: "UEFI",
            },
          ],
        ]);
      });
    },
  );

  it("is written where each property lives", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      // NVIDIA's OpenBMC keeps target and enabled in the settings; Dell only order and mode.
      withSettings(bmc, {
        BootSourceOverrideTarget: "None",
        BootSourceOverrideEnabled: "Disabled",
        BootOrder: [],
      });
      await bmcs.setBootOnceCd(ref, writing());
      expect(patches(bmc).map((patch) => (patch as unknown[])[0])).toEqual([settings]);
      expect((await bmcs.readState(ref, reading())).boot).toMatchObject({
        enabled: "once",
        target: "Cd",
      });
    });
    await withBmc(async ({ bmcs, bmc, ref }) => {
      withSettings(bmc, { BootOrder: [], BootSourceOverrideMode: null });
      await bmcs.setBootOnceCd(ref, writing());
      expect(patches(bmc).map((patch) => (patch as unknown[])[0])).toEqual([paths.system]);
    });
  });

  it("finds the allowed values in the settings where only they list them", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      delete bootOf(bmc)["BootSourceOverrideTarget@Redfish.AllowableValues"];
      withSettings(bmc, {
        BootSourceOverrideTarget: "None",
        BootSourceOverrideEnabled: "Disabled",
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "UefiCd"],
      });
      await bmcs.setBootOnceCd(ref, writing());
      expect(bmc.resources[settings]).toMatchObject({
        Boot: { BootSourceOverrideTarget: "UefiCd" },
      });
    });
  });

  it("that is accepted and ignored is refused", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ method }) => (method === "PATCH" ? { status: 204 } : undefined);
      const failure = await failureOf(bmcs.setBootOnceCd(ref, writing()));
      expect(failure).toMatchObject({ code: "BMC_REJECTED", details: { reason: "ignored" } });
    });
  });

  it("is refused where there is no CD, or no boot that counts once", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bootOf(bmc)["BootSourceOverrideTarget@Redfish.AllowableValues"] = ["None", "Pxe"];
      expect((await failureOf(bmcs.setBootOnceCd(ref, writing()))).code).toBe("BMC_UNSUPPORTED");
    });
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bootOf(bmc)["BootSourceOverrideEnabled@Redfish.AllowableValues"] = ["Disabled", "Continuous"];
      expect((await failureOf(bmcs.setBootOnceCd(ref, writing()))).code).toBe("BMC_UNSUPPORTED");
      expect(patches(bmc)).toEqual([]);
    });
  });
});

describe("taking a boot override back", () => {
  it("disables it, and nothing else", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      await bmcs.setBootOnceCd(ref, writing());
      bmc.asked.length = 0;
      expect(await bmcs.clearBootOverride(ref, writing())).toBe("asked");
      expect(patches(bmc)).toEqual([[paths.system, { BootSourceOverrideEnabled: "Disabled" }]]);
      expect(await bmcs.clearBootOverride(ref, writing())).toBe("already");
    });
  });

  it("leaves one that somebody set for all boots", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bootOf(bmc)["BootSourceOverrideEnabled"] = "Continuous";
      expect(await bmcs.clearBootOverride(ref, writing())).toBe("already");
      expect(patches(bmc)).toEqual([]);
    });
  });

  it("names the target too where the service insists", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bootOf(bmc)["BootSourceOverrideEnabled"] = "Once";
      bmc.script = ({ method }, times) =>
        method === "PATCH" && times === 1 ? { status: 400 } : undefined;
      await bmcs.clearBootOverride(ref, writing());
      expect(patches(bmc).at(-1)).toEqual([
        paths.system,
        { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None" },
      ]);
    });
  });
});
