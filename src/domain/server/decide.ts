import { Failure } from "#contract/failures.ts";
import type { WorkflowType } from "#contract/run.ts";
import {
  ServerDecommissionInput,
  ServerInspectInput,
  ServerLifecycleInput,
  ServerProvisionInput,
  ServerRegisterInput,
} from "#contract/server-inputs.ts";
import {
  LifecycleAction,
  type ServerAction,
  type ServerFact,
  type ServerLifecycleState,
} from "#contract/server.ts";
import { busy, checked, invalid, notAsChild, unknown } from "#domain/admission.ts";
import type { Admission } from "#domain/resource-model.ts";
import { refusal } from "./can.ts";
import type { ServerState } from "./state.ts";

/**
 * Whether a workflow may start on the server, and with which facts. Everything that the request and the record
 * alone can tell is refused here, before anything is written; what only the machine can tell is left to the
 * workflow's first step.
 */
export function admit(
  server: ServerState | null,
  admission: Admission,
): readonly ServerFact[] | Failure {
  switch (admission.workflow) {
    case "server.register":
      return checked(ServerRegisterInput, admission, (input) =>
        admitRegistration(server, input, admission),
      );
    case "server.inspect":
      return checked(ServerInspectInput, admission, ({ serverId }) =>
        admitAction(server, serverId, { admission, action: "inspect", shows: "inspecting" }),
      );
    case "server.provision":
      return checked(ServerProvisionInput, admission, (input) => {
        const problem = server === null ? null : imageProblem(server, input);
        if (problem !== null) return problem;
        const shows = "provisioning";
        return admitAction(server, input.serverId, { admission, action: "provision", shows });
      });
    case "server.lifecycle":
      return checked(ServerLifecycleInput, admission, (input) => {
        const { serverId, action } = input;
        const refused = admitAction(server, serverId, {
          admission,
          action,
          shows: shownBy[action],
        });
        if (refused instanceof Failure || action !== "reprovision") return refused;
        return input.reprovision === null
          ? invalid("reprovision", "must say what is installed again")
          : refused;
      });
    case "server.decommission":
      return checked(ServerDecommissionInput, admission, (input) => {
        if (input.skipErase && input.reason === null)
          return invalid("reason", "must be given when the disks are not erased");
        const shows = "deprovisioning";
        return admitAction(server, input.serverId, { admission, action: "decommission", shows });
      });
    case "cluster.create":
    case "cluster.scale":
    case "cluster.upgrade":
    case "cluster.delete":
    case "vm.create":
    case "vm.power":
    case "vm.delete":
    case "sync.server-state":
    case "sync.cluster-state":
      return invalid("workflow", `${admission.workflow} does not change a server`);
  }
}

function admitRegistration(
  server: ServerState | null,
  input: ServerRegisterInput,
  { run, workflow }: Admission,
): readonly ServerFact[] | Failure {
  if (input.provisioner === "metal3" && input.host === null)
    return invalid("provisioner", "needs a management cluster: none is configured");
  // A retry of a registration that is held meets its own record; any other record is in the way.
  const isRetry = server?.rest.state === "error" && server.rest.trouble === "registration";
  if (server !== null && !isRetry)
    return new Failure(
      "INVALID_STATE_TRANSITION",
      `server ${server.id} is registered already; ask for a new registration to register another machine`,
      { details: { state: server.rest.state, serverId: server.id } },
    );
  const { serverId, inspect: _inspect, onFailure: _onFailure, ...data } = input;
  return [
    { type: "server.requested", data: { server: serverId, ...data } },
    began({ run, workflow, action: null, state: "registering" }),
  ];
}

function imageProblem(
  server: ServerState,
  { image, completion }: ServerProvisionInput,
): Failure | null {
  if (server.provisioner === "metal3") return metal3ImageProblem(server, { image, completion });
  if (image.format === "raw" || image.format === "qcow2")
    return invalid(
      "image.format",
      `must be iso or live-iso: server ${server.id} is installed through its BMC's virtual media, which boots CD images and cannot write a ${image.format} image to a disk`,
    );
  if (image.format === "live-iso" && completion === "power-off")
    return invalid("completion", "cannot be power-off for a live-iso: it is meant to keep running");
  return null;
}

function metal3ImageProblem(
  server: ServerState,
  { image, completion }: Pick<ServerProvisionInput, "image" | "completion">,
): Failure | null {
  if (image.format === "iso")
    return invalid(
      "image.format",
      `must be raw, qcow2 or live-iso: server ${server.id} is managed by Metal3, which writes disk images and runs no installer`,
    );
  if (image.format !== "live-iso" && image.checksum === null)
    return invalid("image.checksum", "must be given: Metal3 writes no image without one");
  if (completion !== null)
    return invalid("completion", "cannot be chosen: Metal3 itself says when the image is written");
  return null;
}

/** What the server shows during a lifecycle run; a power action shows nothing. */
const shownBy = {
  "power-on": null,
  "power-off": null,
  reboot: null,
  "power-cycle": null,
  "reset-bmc": null,
  "identify-led-on": null,
  "identify-led-off": null,
  "enter-maintenance": null,
  "exit-maintenance": null,
  reprovision: "provisioning",
  deprovision: "deprovisioning",
} as const satisfies Record<LifecycleAction, ServerLifecycleState | null>;

/** Which runs may start which inside themselves, on the resource that they hold. */
const children: Partial<Record<WorkflowType, WorkflowType>> = {
  "server.register": "server.inspect",
  "server.lifecycle": "server.provision",
};

function admitAction(
  server: ServerState | null,
  serverId: string,
  what: {
    readonly admission: Admission;
    readonly action: ServerAction;
    readonly shows: ServerLifecycleState | null;
  },
): readonly ServerFact[] | Failure {
  const named = { noun: "server", id: serverId };
  const { run, workflow, parent } = what.admission;
  if (server === null) return unknown(named);
  const action = LifecycleAction.options.find((option) => option === what.action) ?? null;
  const begins = [began({ run, workflow, action, state: what.shows })];
  if (parent !== null) {
    const innermost = server.runs.at(-1);
    if (innermost?.run === parent && children[innermost.workflow] === workflow) return begins;
    return notAsChild(named, what.admission, server);
  }
  return busy(named, server) ?? refusal(server, what.action) ?? begins;
}

const began = (data: Extract<ServerFact, { type: "server.run_began" }>["data"]): ServerFact => ({
  type: "server.run_began",
  data,
});
