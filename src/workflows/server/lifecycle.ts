import { z } from "zod";
import { PowerState } from "#contract/inventory.ts";
import { ServerLifecycleInput } from "#contract/server-inputs.ts";
import { nothing, skip } from "#engine/kit.ts";
import { Applied, apply, awaitState, factsOf, readsMachine, unasked } from "./apply-action.ts";
import { bmcOf, reading, workflow } from "./kit.ts";
import { machineOf } from "./machine.ts";

/**
 * server.lifecycle: one small change of a server.
 *
 *   validate ═ apply ▶ await-state ▶ record
 *
 * It reads before it acts: what is so already is a success that says `already`. What each action does:
 *
 *   power-on, power-off     asks, and waits until it can be read; `off` asks the operating system, and cuts the
 *                           power after the grace period only with `force`
 *   reboot                  off like power-off, then on: a restart in one call cannot be told from none. A
 *                           machine that is off is switched on
 *   power-cycle             off by cutting the power, then on
 *   reset-bmc               restarts the BMC itself and waits until it answers steadily
 *   identify-led-on, -off   the light to find the machine by
 *   enter-, exit-maintenance  changes Millwright's record only
 *   reprovision             installs the last image again, as a child run of server.provision
 *   deprovision             cuts the power, ejects what an installation left, and makes the server available.
 *                           It does not erase: what is on the disks stays until they are installed over, or
 *                           erased by decommissioning, and the record says so. Under Metal3 the image is taken
 *                           back, and Metal3 cleans as the host's cleaning mode says
 *
 * Under Metal3 power goes through the host: a reboot asks the operating system, a power-cycle is Metal3's hard one. While Metal3 is at work
 * on the host itself (it inspects a new one), the action waits, before its pivot. The light and the BMC's restart go to the BMC itself.
 */
export const serverLifecycle = workflow("server.lifecycle", {
  version: 1,
  summary: "Changes a server's power, light, maintenance or use by one action.",
  input: ServerLifecycleInput,
  resource: ({ input }) => ({ type: "server", id: input.serverId }),
  onFailure: "undo",
  secrets: ({ input }) => [
    { name: "user data", id: input.reprovision?.userData ?? null },
    { name: "network data", id: input.reprovision?.networkData ?? null },
  ],
})
  .step("validate", {
    expected: "2s",
    // As long as Metal3 may be at work on a host; what a BMC does not answer is given up much earlier.
    within: "90m",
    poll: { min: "2s", max: "15s" },
    output: z.object({ power: PowerState, already: z.boolean() }),
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const { input, resource, ports } = context;
      const { action } = input;
      if (!readsMachine[action])
        return {
          power: resource.power,
          already: action === "enter-maintenance" && resource.rest.state === "maintenance",
        };
      const isLight = action === "identify-led-on" || action === "identify-led-off";
      const machine = machineOf(context);
      const busy = isLight ? null : await machine.ready();
      if (busy !== null) return busy;
      const state = isLight
        ? await ports.bmc.readState(bmcOf(resource), reading(context))
        : await machine.readState();
      const is = state.changing ? null : state.power;
      const already =
        (action === "power-on" && is === "on") ||
        (action === "power-off" && is === "off") ||
        (action === "identify-led-on" && state.indicator === "on") ||
        (action === "identify-led-off" && state.indicator === "off");
      return { power: state.power, already };
    },
  })
  .pivot("an action cannot be taken back, only followed by another")
  .step("apply", {
    expected: "10s",
    // As long as the longest of them: a reprovisioning.
    within: "3h",
    poll: { min: "2s", max: "10s" },
    output: Applied,
    run: async (context) => {
      if (context.prior.validate.already) return skip("it is so already", unasked);
      return apply(context);
    },
  })
  .step("await-state", {
    expected: "10s",
    within: "45m",
    poll: { min: "2s", max: "10s" },
    run: async (context) => {
      const { prior } = context;
      if (prior.validate.already) return skip("it was so already");
      return (await awaitState(context, prior.apply)) ?? undefined;
    },
  })
  .step("record", {
    expected: "1s",
    run: async ({ input, prior, resource, ports, fact }) => {
      for (const happened of factsOf(input, resource, prior)) fact(happened);
      if (input.action !== "deprovision") return;
      const { userData = null, networkData = null } = resource.installed ?? {};
      for (const secret of [userData, networkData])
        if (secret !== null) await ports.secrets.release(secret, resource.id);
    },
  })
  .result(({ input, prior }) => ({
    action: input.action,
    already: prior.validate.already,
    powerBefore: prior.validate.power,
    ...(prior.apply.child !== null && { run: prior.apply.child }),
    ...(input.action === "deprovision" && { erased: false, cleaned: prior.apply.cleaned }),
  }));
