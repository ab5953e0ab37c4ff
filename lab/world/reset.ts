import type { Machine, Rules, Step } from "./machine.ts";
import { changed, refused, unchanged } from "./outcome.ts";
import type { Commanded } from "./outcome.ts";
import { enter, interrupt, powerOn, startPost } from "./phases.ts";

export const resetTypes = [
  "On",
  "ForceOn",
  "ForceOff",
  "GracefulShutdown",
  "GracefulRestart",
  "ForceRestart",
  "PowerCycle",
  "PushPowerButton",
  "Nmi",
] as const;

/** Redfish's ResetType. */
export type ResetType = (typeof resetTypes)[number];

/**
 * A power command, as the hardware meets it. Asking for the state that is there is `unchanged`; what needs a powered
 * machine is refused on one that is off. Graceful commands are heard only by a running operating system and
 * otherwise ignored, as on real machines: the caller sees the power stay on.
 */
export function reset(machine: Machine, type: ResetType, at: number, rules: Rules): Commanded {
  switch (type) {
    case "On":
    case "ForceOn":
      return turnOn(machine, type, at, rules);
    case "ForceOff":
      return cutPower(machine, type, at, rules);
    case "GracefulShutdown":
    case "GracefulRestart":
      return askSystem(machine, type, at, rules);
    case "PushPowerButton":
      return machine.phase.kind === "off"
        ? turnOn(machine, type, at, rules)
        : askSystem(machine, type, at, rules);
    case "ForceRestart":
      return restart(machine, at, rules);
    case "PowerCycle":
      return cycle(machine, at, rules);
    case "Nmi":
      return interruptSystem(machine, at);
  }
}

function turnOn(machine: Machine, type: ResetType, at: number, rules: Rules): Commanded {
  if (machine.phase.kind === "powering-off") return refused(machine, "power-is-changing");
  if (machine.phase.kind !== "off") return unchanged(machine);
  return changed(powerOn(machine, at, rules).machine, {
    at,
    action: "power-on",
    detail: { reset: type },
  });
}

function cutPower(machine: Machine, type: ResetType, at: number, rules: Rules): Commanded {
  const { phase } = machine;
  if (phase.kind === "off" || (phase.kind === "powering-off" && phase.next === "off"))
    return unchanged(machine);
  const until = at + rules.timing.powerOffMs;
  const off = enter(machine, { kind: "powering-off", until, next: "off" }, at);
  return commanded(
    off,
    { at, action: "power-off", detail: { reset: type } },
    interrupt(machine, at),
  );
}

function askSystem(machine: Machine, type: ResetType, at: number, rules: Rules): Commanded {
  const isRestart = type === "GracefulRestart";
  const { phase } = machine;
  if (phase.kind === "off")
    return isRestart ? refused(machine, "power-is-off") : unchanged(machine);
  if (phase.kind === "powering-off") return refused(machine, "power-is-changing");
  if (phase.kind !== "os" && phase.kind !== "live")
    return { ...unchanged(machine), outcome: { kind: "ignored" } };
  const until = at + rules.timing.shutdownMs;
  const asked = enter(
    machine,
    { kind: "shutting-down", until, next: isRestart ? "restart" : "off" },
    at,
  );
  const action = isRestart ? "restart" : "power-off";
  return commanded(asked, { at, action, detail: { reset: type } });
}

function restart(machine: Machine, at: number, rules: Rules): Commanded {
  if (machine.phase.kind === "off") return refused(machine, "power-is-off");
  if (isPowerChanging(machine)) return refused(machine, "power-is-changing");
  const restarted = startPost(machine, at, rules);
  const first = { at, action: "restart", detail: { reset: "ForceRestart" } };
  return commanded(restarted, first, interrupt(machine, at));
}

function cycle(machine: Machine, at: number, rules: Rules): Commanded {
  if (machine.phase.kind === "off") return refused(machine, "power-is-off");
  if (isPowerChanging(machine)) return refused(machine, "power-is-changing");
  const until = at + rules.timing.powerOffMs;
  const off = enter(machine, { kind: "powering-off", until, next: "on" }, at);
  return commanded(
    off,
    { at, action: "restart", detail: { reset: "PowerCycle" } },
    interrupt(machine, at),
  );
}

function interruptSystem(machine: Machine, at: number): Commanded {
  if (machine.phase.kind === "off") return refused(machine, "power-is-off");
  return changed(machine, { at, action: "nmi", detail: {} });
}

function isPowerChanging(machine: Machine): boolean {
  return machine.phase.kind === "powering-on" || machine.phase.kind === "powering-off";
}

function commanded(
  step: Step,
  first: Step["changes"][number],
  also: Step["changes"] = [],
): Commanded {
  return changed(step.machine, first, ...also, ...step.changes);
}
