import { describe, expect, it } from "vitest";
import { paths } from "./testing/scripted-bmc.ts";
import { reading, writing } from "./testing/test-driver.ts";
import { failureOf, withBmc } from "./testing/with-bmc.ts";

const resets = (asked: readonly { method: string; path: string; body: unknown }[]): unknown[] =>
  asked
    .filter(({ method, path }) => method === "POST" && path === paths.reset)
    .map(({ body }) => body);

describe("power", () => {
  it.each([
    ["On", { power: "on", changing: false }],
    ["Paused", { power: "on", changing: false }],
    ["PoweringOff", { power: "on", changing: true }],
    ["PoweringOn", { power: "off", changing: true }],
    ["Off", { power: "off", changing: false }],
    [null, { power: "unknown", changing: false }],
  ])("%s is read", async (state, expected) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["PowerState"] = state;
      expect(await bmcs.readState(ref, reading())).toMatchObject(expected);
    });
  });

  it.each([
    ["on", "Off", "On"],
    ["off", "On", "GracefulShutdown"],
    ["force-off", "On", "ForceOff"],
    // A machine that will not shut down is still forced off.
    ["force-off", "PoweringOff", "ForceOff"],
  ] as const)("%s asks a machine that is %s for %s", async (intent, state, ResetType) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["PowerState"] = state;
      expect(await bmcs.setPower(ref, intent, writing())).toBe("asked");
      expect(resets(bmc.asked)).toEqual([{ ResetType }]);
    });
  });

  it.each([
    ["on", "On", "already"],
    ["off", "Off", "already"],
    ["force-off", "Off", "already"],
    ["on", "PoweringOn", "asked"],
    ["off", "PoweringOff", "asked"],
  ] as const)("%s sends nothing to a machine that is %s", async (intent, state, answer) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["PowerState"] = state;
      expect(await bmcs.setPower(ref, intent, writing())).toBe(answer);
      expect(resets(bmc.asked)).toEqual([]);
    });
  });

  it.each([409, 400])("%i is success when the machine is there by then", async (status) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) => {
        if (path !== paths.reset) return undefined;
        bmc.resources[paths.system]!["PowerState"] = "On";
        return { status };
      };
      expect(await bmcs.setPower(ref, "on", writing())).toBe("already");
    });
  });

  it.each([
    ["goes there", "PoweringOff", "Base.1.8.GeneralError"],
    ["is said to be there before it can be read", "On", "IDRAC.2.8.PSU501"],
  ])("a refusal is success while the machine %s", async (_title, state, MessageId) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["PowerState"] = "On";
      bmc.script = ({ path }) => {
        if (path !== paths.reset) return undefined;
        bmc.resources[paths.system]!["PowerState"] = state;
        return { status: 409, body: { error: { "@Message.ExtendedInfo": [{ MessageId }] } } };
      };
      expect(await bmcs.setPower(ref, "force-off", writing())).toBe("asked");
    });
  });

  it("a refusal of a machine that stays as it was is a failure", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["PowerState"] = "On";
      bmc.script = ({ path }) => (path === paths.reset ? { status: 409 } : undefined);
      const failure = await failureOf(bmcs.setPower(ref, "force-off", writing()));
      expect(failure.code).toBe("BMC_REJECTED");
    });
  });

  it("never becomes forced, and never a toggle", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const system = bmc.resources[paths.system]!;
      system["PowerState"] = "On";
      system["Actions"] = {
        "#ComputerSystem.Reset": {
          target: paths.reset,
          "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "PushPowerButton"],
        },
      };
      const failure = await failureOf(bmcs.setPower(ref, "off", writing()));
      expect(failure.code).toBe("BMC_UNSUPPORTED");
      expect(resets(bmc.asked)).toEqual([]);
    });
  });

  it("believes ActionInfo before the inline list", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources["/redfish/v1/ResetInfo"] = {
        Parameters: [{ Name: "ResetType", AllowableValues: ["ForceOn", "ForceOff"] }],
      };
      bmc.resources[paths.system]!["Actions"] = {
        "#ComputerSystem.Reset": {
          target: paths.reset,
          "@Redfish.ActionInfo": "/redfish/v1/ResetInfo",
          "ResetType@Redfish.AllowableValues": ["On"],
        },
      };
      await bmcs.setPower(ref, "on", writing());
      expect(resets(bmc.asked)).toEqual([{ ResetType: "ForceOn" }]);
    });
  });
});

describe("restarting the BMC", () => {
  const action = `${paths.manager}/Actions/Manager.Reset`;

  it("prefers the gentle way, and forgets the session that is lost by it", async () => {
    await withBmc(async ({ bmcs, bmc, ref, sessions }) => {
      bmc.resources[paths.manager]!["Actions"] = {
        "#Manager.Reset": {
          target: action,
          "ResetType@Redfish.AllowableValues": ["ForceRestart", "GracefulRestart"],
        },
      };
      await bmcs.resetBmc(ref, writing());
      expect(bmc.asked.at(-1)).toMatchObject({
        path: action,
        body: { ResetType: "GracefulRestart" },
      });
      expect(sessions.all()).toEqual([]);
    });
  });

  it("takes a broken connection for the answer", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) => (path === action ? { cut: "before" } : undefined);
      await bmcs.resetBmc(ref, writing());
      expect(bmc.calls().filter((call) => call === `POST ${action}`)).toHaveLength(1);
    });
  });

  it("is refused where it is not offered", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.manager]!["Actions"] = {};
      expect((await failureOf(bmcs.resetBmc(ref, writing()))).code).toBe("BMC_UNSUPPORTED");
    });
  });
});
