import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import { detachment, isInspectionAsked } from "./annotations.ts";
import { divert, letGo, powerOffBeforeDelete } from "./deletion.ts";
import { hostKind, isInspectionDisabled, stateOf } from "./host.ts";
import type { HostStatus, State } from "./host.ts";
import { inspect } from "./inspection.ts";
import { keepPower } from "./power.ts";
import {
  deprovision,
  isProvisioningWanted,
  isUnprepared,
  keepProvisioned,
  prepare,
  provision,
} from "./provisioning.ts";
import { register } from "./registration.ts";
import { failed, finish, leave, stay, tell } from "./turn.ts";
import type { Turn, Verdict } from "./turn.ts";

/**
 * What follows for a host from what is seen of it:
 *
 *   "" ─▶ registering ─▶ inspecting ─▶ preparing ─▶ available ─▶ provisioning ─▶ provisioned
 *    │         │              ▲            ▲        │  │  ▲           │ error        │ image gone or other
 *    ▼         ▼              └────────────┴────────┘  │  └── deprovisioning ◀───────┘
 *   unmanaged  externally provisioned ◀────────────────┘
 *
 *   deletion: provisioning, provisioned ─▶ deprovisioning ─▶ powering off before delete ─▶ deleting ─▶ gone;
 *   the others enter it later, see `divert`.
 *
 * The order of the questions is that of baremetal-operator's host_state_machine.go.
 */
export function decide(turn: Turn): Verdict {
  const { status } = turn;
  if (status.operationalStatus === "delayed") {
    if (!hasCapacity(turn)) return stay(slotPollMs);
    status.operationalStatus = "OK";
  }
  const verdict = divert(turn) ?? detach(turn) ?? credentialsProblem(turn) ?? look(turn);
  if (verdict.kind !== "go" || !needsSlot(verdict.to) || hasCapacity(turn)) return verdict;
  status.operationalStatus = "delayed";
  return stay(slotPollMs);
}

/** How often a delayed host asks for a slot. */
const slotPollMs = 30 * second;

function look(turn: Turn): Verdict {
  const { state } = turn.status.provisioning;
  switch (state) {
    case "":
      return begin(turn);
    case "unmanaged":
      return turn.spec.bmc === undefined ? stay(null) : finish("registering");
    case "registering":
      return register(turn) ?? finish(afterRegistration(turn));
    case "inspecting":
      return register(turn) ?? inspect(turn);
    case "preparing":
      return register(turn) ?? prepare(turn);
    case "available":
      return register(turn) ?? beAvailable(turn);
    case "provisioning":
      return register(turn) ?? provision(turn);
    case "provisioned":
      return register(turn) ?? keepProvisioned(turn) ?? keepPower(turn);
    case "externally provisioned":
      return register(turn) ?? keepPower(turn);
    case "deprovisioning":
      return register(turn) ?? deprovision(turn);
    case "powering off before delete":
      return register(turn) ?? powerOffBeforeDelete(turn);
    case "deleting":
      return letGo(turn);
  }
}

function begin(turn: Turn): Verdict {
  if (turn.spec.bmc !== undefined) return finish("registering");
  turn.status.operationalStatus = "discovered";
  tell(turn, "Discovered", "Discovered host with no BMC details");
  return finish("unmanaged");
}

function afterRegistration({ spec, host }: Turn): State {
  if (spec.externallyProvisioned === true) return "externally provisioned";
  return isInspectionDisabled(host) ? "preparing" : "inspecting";
}

function beAvailable(turn: Turn): Verdict {
  if (turn.spec.externallyProvisioned === true) return leave("externally provisioned");
  if (isInspectionAsked(turn.host)) return leave("inspecting");
  if (isUnprepared(turn)) return leave("preparing");
  if (isProvisioningWanted(turn)) return leave("provisioning");
  return keepPower(turn);
}

/** How often a detached host is looked at. */
const detachedPollMs = 10 * minute;

/** Takes a host out of the operator's hands, or back into them. Null: nothing to do with it. */
function detach({ host, status }: Turn): Verdict | null {
  const wish = detachment(host);
  const isDetached = status.operationalStatus === "detached";
  if (wish === null || status.provisioning.state === "deleting") {
    if (isDetached) status.operationalStatus = status.errorType === undefined ? "OK" : "error";
    return null;
  }
  if (!isDetachable(status) && !wish.isForced) return null;
  status.operationalStatus = "detached";
  return stay(detachedPollMs);
}

function isDetachable({ provisioning }: HostStatus): boolean {
  return ["provisioned", "externally provisioned", "available"].includes(provisioning.state);
}

/** A deletion goes on without credentials; everything else waits for them. */
function credentialsProblem({ credentials, status, host }: Turn): Verdict | null {
  const { state } = status.provisioning;
  if (credentials.kind === "found" || state === "" || state === "unmanaged") return null;
  if (host.metadata.deletionTimestamp !== undefined) return null;
  return failed("registration error", credentials.message);
}

function needsSlot(state: State): boolean {
  return state === "inspecting" || state === "provisioning" || state === "deprovisioning";
}

/** The operator's PROVISIONING_LIMIT: so many hosts are inspected, provisioned and cleaned at a time, the others wait. */
function hasCapacity({ host, cluster, capacity }: Turn): boolean {
  let busy = 0;
  for (const other of cluster.list(hostKind)) {
    if (needsSlot(stateOf(other)) && other.metadata.uid !== host.metadata.uid) busy += 1;
  }
  return busy < capacity;
}
