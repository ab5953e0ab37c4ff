import { Failure } from "#contract/failures.ts";
import type { ServerProvisionInput } from "#contract/server-inputs.ts";
import type { Completion } from "#contract/server.ts";
import type { ServerState } from "#domain/server/state.ts";
import type { MediaSlot, SystemState } from "#drivers/ports.ts";

/** How an installation will go on this machine. */
export interface InstallationPlan {
  readonly completion: Completion;
  /** A config drive goes in beside the image. */
  readonly configDrive: boolean;
  readonly reportsProgress: boolean;
}

interface Seen {
  readonly server: ServerState;
  readonly state: SystemState;
  readonly slots: readonly MediaSlot[];
}

/**
 * Chooses what the request left open, and refuses what this machine cannot do, before anything is touched. A
 * config drive is needed where the installation depends on it (the call-back's address, user data, network
 * data). It is wanted for every installer, which it tells how to end and where to report it, and left out where
 * there is no second slot. A live system needs neither.
 */
export function planInstallation(input: ServerProvisionInput, seen: Seen): InstallationPlan {
  const { server, state, slots } = seen;
  const reportsProgress = state.bootProgress !== null;
  const completion = input.completion ?? defaultCompletion(input, seen);
  // A machine that is off may report its progress only once it is on, so nothing is refused then.
  if (completion === "boot-progress" && !reportsProgress && state.power === "on")
    throw unsupported(
      server,
      "does not report its boot progress, so nobody can see the installed system start; ask for completion callback or power-off",
    );
  if (slots.length === 0)
    throw unsupported(
      server,
      "offers no virtual media slot that takes an image (some vendors need a licence for it)",
    );
  const reason = neededFor(input, completion);
  if (reason !== null && slots.length < 2)
    throw unsupported(
      server,
      `has one virtual media slot, which the image takes, and a second one is needed for the config drive with ${reason}; build it into the image instead`,
    );
  const wanted = reason !== null || input.image.format !== "live-iso";
  return { completion, configDrive: wanted && slots.length >= 2, reportsProgress };
}

function defaultCompletion({ image }: ServerProvisionInput, { server, state }: Seen): Completion {
  if (state.bootProgress !== null) return "boot-progress";
  if (image.format !== "live-iso") return "power-off";
  throw unsupported(
    server,
    "does not report its boot progress, so nobody can see the live system start; ask for completion callback",
  );
}

function neededFor(
  { userData, networkData }: ServerProvisionInput,
  completion: Completion,
): string | null {
  const needs = [
    completion === "callback" && "the call-back's address",
    userData !== null && "the user data",
    networkData !== null && "the network data",
  ].filter((need) => need !== false);
  return needs.length === 0 ? null : needs.join(" and ");
}

const unsupported = (server: ServerState, what: string): Failure =>
  new Failure(
    "BMC_UNSUPPORTED",
    `server ${server.id} cannot be installed like this: its BMC ${server.bmc.address} ${what}`,
    { details: { bmcAddress: server.bmc.address } },
  );
