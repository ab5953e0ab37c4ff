import { describe, expect, it } from "vitest";
import type { ServerProvisionInput } from "#contract/server-inputs.ts";
import { Story, provisionInput, secretId } from "#domain/server/testing/story.ts";
import type { MediaSlot, SystemState } from "#drivers/ports.ts";
import { planInstallation } from "./installation-plan.ts";

/** What is chosen for a machine with so many slots, that reports its boot progress or does not. */

const { server } = new Story().ready();

const slot = (n: number): MediaSlot => ({
  slot: `/redfish/v1/Managers/1/VirtualMedia/${n}`,
  types: ["CD"],
  image: null,
  inserted: false,
  holds: null,
});

const plan = (
  what: Partial<ServerProvisionInput>,
  { slots, reports }: { readonly slots: number; readonly reports: boolean },
) => {
  const state: SystemState = {
    power: "on",
    changing: false,
    bootProgress: reports ? "OSRunning" : null,
    lastResetAt: null,
    boot: null,
    indicator: "off",
  };
  const machine = {
    server: server!,
    state,
    slots: Array.from({ length: slots }, (_, n) => slot(n)),
  };
  return planInstallation({ ...provisionInput, ...what }, machine);
};

const live = { image: { ...provisionInput.image, format: "live-iso" } } as const;

describe("the config drive", () => {
  it.each(["boot-progress", "power-off", "callback", null] as const)(
    "goes in beside an installer that ends by %s, where there is a second slot",
    (completion) => {
      expect(plan({ completion }, { slots: 2, reports: true }).configDrive).toBe(true);
    },
  );

  it.each(["boot-progress", "power-off"] as const)(
    "is left out where there is one slot and %s shows the end",
    (completion) => {
      const planned = plan({ completion }, { slots: 1, reports: true });
      expect(planned).toMatchObject({ completion, configDrive: false });
    },
  );

  it("stays out of a live system that has no use for it", () => {
    expect(plan(live, { slots: 2, reports: true }).configDrive).toBe(false);
    const called = plan({ ...live, completion: "callback" }, { slots: 2, reports: true });
    expect(called.configDrive).toBe(true);
  });

  it.each([
    ["the call-back's address", { completion: "callback" }],
    ["the user data", { userData: secretId }],
    ["the network data", { networkData: secretId }],
  ] as const)("is needed for %s, so one slot is too few", (what, needs) => {
    expect(() => plan(needs, { slots: 1, reports: true })).toThrowError(what);
  });
});

describe("what is left open", () => {
  it("is ended by boot progress where the machine reports it, else by power-off", () => {
    expect(plan({}, { slots: 1, reports: true }).completion).toBe("boot-progress");
    expect(plan({}, { slots: 1, reports: false }).completion).toBe("power-off");
  });

  it("is refused for a live system that nobody can see start", () => {
    expect(() => plan(live, { slots: 2, reports: false })).toThrowError(
      /ask for completion callback/,
    );
  });

  it("needs a slot", () => {
    expect(() => plan({}, { slots: 0, reports: true })).toThrowError(/no virtual media slot/);
  });
});
