import { z } from "zod";
import { VmPowerInput } from "#contract/vm-inputs.ts";
import type { VmState } from "#drivers/vm-ports.ts";
import { nothing, skip } from "#engine/kit.ts";
import { reading, refOf, writing } from "#workflows/kubernetes.ts";
import { type VmContext, workflow } from "./kit.ts";
import { Place, look, placeOf, waitFor } from "./look.ts";
import { assertFit } from "./power-rules.ts";

/**
 * vm.power: starts, stops, restarts, pauses or unpauses a virtual machine.
 *
 *   validate ═ apply ▶ await-state ▶ record
 *
 * It reads before it acts: what is so already is a success that says `already`. A restart is known by the instance: another
 * one than before runs.
 */
export const vmPower = workflow("vm.power", {
  version: 1,
  summary: "Starts, stops, restarts, pauses or unpauses a virtual machine.",
  input: VmPowerInput,
  resource: ({ input }) => ({ type: "vm", id: input.vmId }),
  onFailure: "undo",
})
  .step("validate", {
    expected: "2s",
    output: z.object({ already: z.boolean(), instance: z.string().nullable() }),
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const state = await look(context);
      const { action } = context.input;
      const already = action !== "restart" && state.power === endOf[action];
      const instance = state.instance?.uid ?? null;
      assertFit(action, context.resource.spec.name, state);
      // The others leave the wish to run as it is.
      if (!already && (action === "start" || action === "stop")) {
        const { ports, resource } = context;
        await ports.vms.checkRunning(refOf(resource), action === "start", reading(context));
      }
      return { already, instance };
    },
  })
  .pivot("a power action cannot be taken back, only followed by another")
  .step("apply", {
    expected: "2s",
    run: async (context) => {
      const { already, instance } = context.prior.validate;
      return already ? skip("it is so already") : apply(context, instance);
    },
  })
  .step("await-state", {
    expected: "30s",
    within: "20m",
    poll: { min: "1s", max: "10s" },
    output: Place,
    run: async (context) => {
      const { action } = context.input;
      const wanted = endOf[action];
      const before = context.prior.validate.instance;
      const isDone = ({ power, instance, ready }: VmState): boolean =>
        power === wanted &&
        (action !== "restart" || instance?.uid !== before) &&
        (wanted !== "running" || ready);
      const state = await look(context, isDone);
      if (!isDone(state)) return waitFor(context, `the machine to be ${wanted}`, state);
      return placeOf(state);
    },
  })
  .step("record", {
    expected: "1s",
    run: async ({ input, prior, fact }) => {
      const { action } = input;
      const place = prior["await-state"];
      if (action === "restart") fact({ type: "vm.restarted", data: place });
      else fact({ type: "vm.power_changed", data: { power: endOf[action], ...place } });
    },
  })
  .result(({ input, prior }) => ({ action: input.action, already: prior.validate.already }));

const endOf = {
  start: "running",
  stop: "stopped",
  restart: "running",
  pause: "paused",
  unpause: "running",
} as const;

type PowerContext = VmContext & { readonly input: VmPowerInput };

async function apply(context: PowerContext, instance: string | null): Promise<undefined> {
  const { ports, resource, input } = context;
  const { action, force } = input;
  const vm = refOf(resource);
  const options = writing(context);
  switch (action) {
    case "start":
    case "stop":
      await ports.vms.setRunning(vm, { running: action === "start", force }, options);
      return;
    case "restart":
      await ports.vms.restart(vm, { uid: instance ?? "", force }, options);
      return;
    case "pause":
    case "unpause":
      await ports.vms.setPaused(vm, action === "pause", options);
  }
}
