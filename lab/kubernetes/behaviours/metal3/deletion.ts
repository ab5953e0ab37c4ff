import { after, left, minute, second } from "#lab/kubernetes/behaviours/life.ts";
import { detachment } from "./annotations.ts";
import { releaseCredentials } from "./credentials.ts";
import { hostFinalizer, keyOf } from "./host.ts";
import type { State } from "./host.ts";
import { releaseHardware } from "./inspection.ts";
import { clearError, effectKey, failed, finish, leave, stay } from "./turn.ts";
import type { Turn, Verdict } from "./turn.ts";

/** How many failures of cleaning or powering off a deletion bears before it goes on without. */
const patience = 3;

/** Where a host that is to be deleted goes next. Null: it stays on the way that it is on. */
export function divert(turn: Turn): Verdict | null {
  const { host, status } = turn;
  if (host.metadata.deletionTimestamp === undefined) return null;
  const { state } = status.provisioning;
  if (state !== "deleting" && status.operationalStatus === "detached") {
    if (detachment(host)?.deleteAction === "delay") return null;
    return leave("deleting");
  }
  const next = wayOut(turn, state);
  return next === state ? null : leave(next);
}

function wayOut({ status }: Turn, state: State): State {
  switch (state) {
    case "":
    case "registering":
    case "unmanaged":
      return "deleting";
    case "provisioning":
    case "provisioned":
      return "deprovisioning";
    case "deprovisioning":
    case "powering off before delete":
      return status.errorType === "registration error" && status.errorCount > patience
        ? "deleting"
        : state;
    case "deleting":
      return state;
    case "inspecting":
    case "preparing":
    case "available":
    case "externally provisioned":
      return "powering off before delete";
  }
}

export function powerOffBeforeDelete(turn: Turn): Verdict {
  const { spec, status, machine, memory, cluster, credentials } = turn;
  if (spec.disablePowerOff === true || credentials.kind === "unusable") return finish("deleting");
  // Asked for in any case: a machine that is only being switched on is `off` as well, and would be on when nobody looks any more.
  if (memory.power?.wanted !== "off") {
    machine.setPower("off", "hard", effectKey(turn, "delete"));
    memory.power = { wanted: "off", until: after(cluster, minute) };
    if (status.errorType !== undefined) clearError(turn);
  }
  if (machine.power() === "off") {
    status.poweredOn = false;
    return finish("deleting");
  }
  const ms = left(cluster, memory.power.until);
  if (ms > 0) return stay(Math.min(ms, 5 * second));
  delete memory.power;
  if (status.errorCount >= patience) return leave("deleting");
  return failed("power management error", "Host power status was not off after 60 seconds");
}

/** Lets everything go that was held for this host, and at last the host. */
export function letGo({ host, cluster }: Turn): Verdict {
  releaseHardware(host, cluster);
  releaseCredentials(host, cluster);
  cluster.update(keyOf(host), (newest) => {
    const finalizers = (newest.metadata.finalizers ?? []).filter((name) => name !== hostFinalizer);
    return { ...newest, metadata: { ...newest.metadata, finalizers } };
  });
  return stay(null);
}
