import { after, left, minute, second } from "#lab/kubernetes/behaviours/life.ts";
import { hasPlainReboot, reboot, removePlainReboot } from "./annotations.ts";
import { clearError, countDone, effectKey, failed, stay } from "./turn.ts";
import type { HostMemory, Turn, Verdict } from "./turn.ts";

/** How often the power of a host at rest is looked at. */
const pollMs = minute;
/** How often that of a machine is looked at which was told to change it. */
const watchMs = 10 * second;
/** baremetal-operator's SOFT_POWER_OFF_TIMEOUT. */
const softTimeoutMs = 3 * minute;
/** Ironic's `[conductor] power_state_change_timeout`. */
const hardTimeoutMs = minute;

/** Brings the machine to the power that the host asks for, and writes down what its BMC says. */
export function keepPower(turn: Turn): Verdict {
  const { host, spec, status, machine, memory } = turn;
  const isOn = machine.power() === "on";
  if (isOn !== status.poweredOn) {
    status.poweredOn = isOn;
    if (status.errorType === "power management error") clearError(turn);
    return stay(0);
  }
  if (!isOn && hasPlainReboot(host)) {
    removePlainReboot(turn);
    return stay(0);
  }
  const isProvisioned = status.provisioning.state !== "available";
  const asked = reboot(host);
  // A host that is only available is rebooted by force alone.
  const rebooting = asked !== null && (isProvisioned || asked.isForced) ? asked : null;
  const wanted = rebooting === null && spec.online ? "on" : "off";
  if (wanted === (isOn ? "on" : "off")) {
    endChange(memory);
    if (status.errorType === "power management error") clearError(turn);
    status.errorCount = 0;
    return stay(pollMs);
  }
  // The ramdisk of a host without an image heeds nobody; and after an error nobody is asked any more.
  const isSoft =
    wanted === "off" && isProvisioned && rebooting?.mode !== "hard" && status.errorCount === 0;
  const how = isSoft ? "soft" : "hard";
  if (spec.disablePowerOff === true && wanted === "off") {
    if (!hasPlainReboot(host)) return stay(pollMs);
    machine.restart(how, effectKey(turn, "restart"));
    countDone(memory);
    removePlainReboot(turn);
    return stay(0);
  }
  return change(turn, wanted, how);
}

function change(turn: Turn, wanted: "on" | "off", how: "soft" | "hard"): Verdict {
  const { machine, memory, cluster } = turn;
  if (memory.power?.wanted !== wanted) {
    endChange(memory);
    machine.setPower(wanted, how, effectKey(turn, `power-${wanted}`));
    const timeoutMs = how === "soft" ? softTimeoutMs : hardTimeoutMs;
    memory.power = { wanted, until: after(cluster, timeoutMs) };
  }
  const ms = left(cluster, memory.power.until);
  if (ms > 0) return stay(Math.min(ms, watchMs));
  endChange(memory);
  const more = how === "soft" ? "Continuing with hard poweroff after soft poweroff fails. " : "";
  return failed(
    "power management error",
    `${more}Host power status was not ${wanted} after ${how === "soft" ? "180" : "60"} seconds`,
  );
}

function endChange(memory: HostMemory): void {
  if (memory.power === undefined) return;
  delete memory.power;
  countDone(memory);
}
