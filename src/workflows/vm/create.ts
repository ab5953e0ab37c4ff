import { VmCreateInput } from "#contract/vm-inputs.ts";
import type { VmState } from "#drivers/vm-ports.ts";
import { nothing, wait } from "#engine/kit.ts";
import { reading, refOf, writing } from "#workflows/kubernetes.ts";
import { areFilled } from "./disks.ts";
import { wantedOf, workflow } from "./kit.ts";
import { Place, look, placeOf, waitFor } from "./look.ts";

/**
 * vm.create: makes a virtual machine with its disks, and starts it unless the request says no.
 *
 *   validate ▶ create-record ▶ apply-vm ▶ await-running ▶ record
 *
 * There is no pivot: a create that fails leaves no object, no disk and no record.
 */
export const vmCreate = workflow("vm.create", {
  version: 1,
  summary: "Makes a virtual machine with its disks, and starts it unless the request says no.",
  input: VmCreateInput,
  resource: ({ input }) => ({ type: "vm", id: input.vmId }),
  onFailure: ({ input }) => input.onFailure,
  secrets: ({ input }) => [{ name: "user data", id: input.spec.userData }],
})
  .step("validate", {
    expected: "2s",
    undo: nothing("reading changes nothing"),
    run: (context) =>
      context.ports.vms.check(
        refOf(context.resource),
        wantedOf(context.resource),
        reading(context),
      ),
  })
  .step("create-record", {
    expected: "1s",
    // The record was written with the request, which took its name; this is where it is taken back.
    run: async ({ ports, resource }) => {
      const { userData } = resource.spec;
      // A restart months later needs it once more if the world has lost its copy.
      if (userData !== null) await ports.secrets.adopt(userData, resource.id);
    },
    undo: async ({ ports, resource, fact }) => {
      const { userData } = resource.spec;
      if (userData !== null) await ports.secrets.release(userData, resource.id);
      fact({ type: "vm.creation_undone", data: {} });
    },
  })
  .step("apply-vm", {
    expected: "2s",
    run: async (context) => {
      const { ports, resource } = context;
      await ports.vms.create(refOf(resource), wantedOf(resource), writing(context));
    },
    undo: async (context) => {
      const { ports, resource } = context;
      const how = { keepDisks: false };
      const asked = await ports.vms.delete(refOf(resource), how, writing(context));
      return asked === "asked"
        ? wait("waiting until the virtual machine and its disks are gone")
        : undefined;
    },
  })
  .step("await-running", {
    expected: "1m",
    within: "45m",
    poll: { min: "2s", max: "15s" },
    output: Place,
    undo: nothing("waiting changes nothing"),
    run: async (context) => {
      const { running, disks } = context.resource.spec;
      const isDone = (seen: VmState): boolean =>
        running
          ? seen.power === "running" && seen.ready
          : seen.power === "stopped" && areFilled(disks, seen.disks);
      const state = await look(context, isDone);
      if (!isDone(state))
        return waitFor(context, running ? "the machine to run" : "its disks", state);
      return placeOf(state);
    },
  })
  .step("record", {
    expected: "1s",
    undo: nothing("the record goes with the step that made it"),
    run: async ({ input, prior, fact }) => {
      const power = input.spec.running ? "running" : "stopped";
      fact({ type: "vm.power_changed", data: { power, ...prior["await-running"] } });
      fact({ type: "vm.created", data: {} });
    },
  })
  .result(({ input }) => ({ vmId: input.vmId, running: input.spec.running }));
