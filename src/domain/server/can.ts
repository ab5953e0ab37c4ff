import type { Failure } from "#contract/failures.ts";
import type { LifecycleAction, ServerAction, ServerLifecycleState } from "#contract/server.ts";
import { stateRefusal } from "#domain/admission.ts";
import { heldBy } from "#domain/at-work.ts";
import { inCluster } from "./allocation.ts";
import type { Rest, ServerState, Trouble } from "./state.ts";

/**
 * What may be asked of a server, by the state it is in. A lookup, so that what the API answers, what a refusal
 * proposes and what is admitted can never differ.
 *
 * - Provisioning overwrites a disk, so it is offered only where nothing of value is on it: a `ready` server
 *   is reprovisioned or deprovisioned, each by its own name.
 * - `error` allows what can lead out of it, which depends on what broke (see `whenBroken`).
 */

const hardware = [
  "power-on",
  "power-off",
  "reboot",
  "power-cycle",
  "reset-bmc",
  "identify-led-on",
  "identify-led-off",
] as const satisfies readonly LifecycleAction[];

type SoundState = Exclude<ServerLifecycleState, "error">;

const whenSound = {
  registering: [],
  registered: ["inspect", "decommission", ...hardware, "enter-maintenance"],
  inspecting: [],
  available: ["inspect", "provision", "decommission", ...hardware, "enter-maintenance"],
  provisioning: [],
  ready: [
    "inspect",
    "decommission",
    ...hardware,
    "reprovision",
    "deprovision",
    "enter-maintenance",
  ],
  deprovisioning: [],
  maintenance: [
    "inspect",
    "decommission",
    ...hardware,
    // Asked for again it is a success that says so.
    "enter-maintenance",
    "exit-maintenance",
  ],
  decommissioned: [],
} as const satisfies Record<SoundState, readonly ServerAction[]>;

/** `before`: whatever the state before the trouble allowed. */
const whenBroken = {
  // Nothing is known to work; the run's own undo, retry and abandon are the ways out, or the record goes.
  registration: ["decommission"],
  power: "before",
  installation: [
    "inspect",
    "provision",
    "decommission",
    ...hardware,
    "reprovision",
    "deprovision",
    "enter-maintenance",
  ],
  decommission: ["inspect", "decommission", ...hardware, "deprovision", "enter-maintenance"],
} as const satisfies Record<Trouble, readonly ServerAction[] | "before">;

/** What would take a server away from the cluster that has it. Power can be switched all the same. */
const notWhileAllocated: readonly ServerAction[] = [
  "provision",
  "reprovision",
  "deprovision",
  "decommission",
  "enter-maintenance",
];

type Acted = Pick<ServerState, "rest" | "runs" | "installed" | "allocation">;

function allowedAtRest(rest: Rest): readonly ServerAction[] {
  if (rest.state !== "error") return whenSound[rest.state];
  const row = whenBroken[rest.trouble];
  return row === "before" ? allowedAtRest(rest.before) : row;
}

/** What the server itself allows now, whoever has it; nothing while a run is at work on it. */
function allowedByState(server: Acted): readonly ServerAction[] {
  if (server.runs.length > 0) return [];
  return allowedAtRest(server.rest).filter(
    (action) => action !== "reprovision" || server.installed !== null,
  );
}

/** What may be asked of the server now. */
export const allowedActions = (server: Acted): readonly ServerAction[] =>
  allowedByState(server).filter(
    (action) => server.allocation === null || !notWhileAllocated.includes(action),
  );

/**
 * What the API offers. A held run keeps the lock, so everything would be refused before the state is looked at; what is
 * allowed here all the same is left to the run's own retry.
 */
export const offeredActions = (server: Acted): readonly ServerAction[] =>
  heldBy(server) === null ? allowedActions(server) : [];

/** The refusal of an action that the state does not allow; null when it is allowed. */
export function refusal(server: ServerState, action: ServerAction): Failure | null {
  const { id, allocation } = server;
  const allowed = allowedActions(server);
  if (allocation !== null && !allowed.includes(action) && allowedByState(server).includes(action))
    return inCluster(id, allocation, `${action} is not possible`);
  return stateRefusal({ noun: "server", id }, server, { action, allowed });
}
