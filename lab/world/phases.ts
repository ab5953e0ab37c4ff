import type { Change, Disk, Installing, Machine, Phase, Rules, Step } from "./machine.ts";
import { presentDisks } from "./machine.ts";

/** A step that moves to another phase and changes nothing else. */
export function enter(
  machine: Machine,
  phase: Phase,
  at: number,
  changes: readonly Change[] = [],
): Step {
  return { machine: { ...machine, phase, phaseSince: at }, changes };
}

export function powerOn(machine: Machine, at: number, rules: Rules): Step {
  const until = at + rules.timing.powerOnMs;
  return enter({ ...machine, lastResetAt: at }, { kind: "powering-on", until }, at);
}

/**
 * Starts the power-on self-test. Whatever waits for a restart happens here: BIOS values become current, and
 * erasures that were asked for "on reset" begin.
 */
export function startPost(machine: Machine, at: number, rules: Rules): Step {
  const changes: Change[] = [];
  let { bios, biosPending } = machine;
  if (Object.keys(biosPending).length > 0) {
    changes.push({ at, action: "bios-applied", detail: { attributes: biosPending } });
    bios = { ...bios, ...biosPending };
    biosPending = {};
  }
  const jobs = machine.jobs.map((job) => {
    if (job.startedAt !== null) return job;
    changes.push({
      at,
      action: "erase-started",
      detail: { serials: job.serials, method: job.method },
    });
    return { ...job, startedAt: at, until: at + rules.timing.eraseMs };
  });
  const ready: Machine = { ...machine, bios, biosPending, jobs, lastResetAt: at };
  return enter(ready, { kind: "post", until: at + rules.timing.postMs }, at, changes);
}

/**
 * Cuts what runs on the machine, by power or by reset. An installation that is cut leaves a disk that starts nothing;
 * nobody is left to report it.
 */
export function interrupt(machine: Machine, at: number): readonly Change[] {
  return machine.phase.kind === "installing" ? [broken(machine.phase, at, "interrupted")] : [];
}

function broken(installing: Installing, at: number, reason: string): Change {
  return {
    at,
    action: "install-broken",
    detail: { os: installing.os, disk: installing.disk, reason },
  };
}

/** Stops a running installer that can no longer go on but can still say so. */
export function failInstall(
  machine: Machine,
  installing: Installing,
  reason: string,
  at: number,
): Step {
  const outbox = report(machine, installing, { status: "failed", message: reason });
  const halted: Phase = { kind: "halted", reason };
  return enter({ ...machine, outbox }, halted, at, [broken(installing, at, reason)]);
}

/** The firmware has finished its self-test and looks for something to start. A one-time override is used up here. */
export function boot(machine: Machine, at: number, rules: Rules): Step {
  const { enabled, target } = machine.boot;
  const changes: Change[] = [];
  let booting = machine;
  if (enabled === "Once") {
    booting = { ...machine, boot: { ...machine.boot, enabled: "Disabled", target: "None" } };
    changes.push({ at, action: "boot-override-used", detail: { target } });
  }
  const wanted = enabled === "Disabled" ? "None" : target;
  if (wanted === "BiosSetup")
    return enter(booting, { kind: "halted", reason: "BIOS setup" }, at, changes);
  const hasMedia = Object.keys(booting.media).length > 0;
  if (rules.mediaTargets.includes(wanted) && hasMedia) {
    return enter(booting, { kind: "reading-media" }, at, changes);
  }
  return bootDisk(booting, at, rules, changes);
}

function bootDisk(machine: Machine, at: number, rules: Rules, changes: readonly Change[]): Step {
  if (presentDisks(machine).some((disk) => disk.os !== null)) {
    const until = at + rules.timing.osBootMs;
    return enter(machine, { kind: "booting-os", until, from: "disk" }, at, changes);
  }
  if (Object.keys(machine.media).length > 0)
    return enter(machine, { kind: "reading-media" }, at, changes);
  return enter(machine, { kind: "halted", reason: "no bootable device" }, at, changes);
}

/** What reading the image in a slot has shown. */
export type MediaFinding =
  | { readonly slot: string; readonly kind: "installer" | "live"; readonly os: string }
  | { readonly slot: string; readonly kind: "config"; readonly config: Installing["config"] }
  | { readonly slot: string; readonly kind: "unusable"; readonly reason: string };

/** Goes on from `reading-media` with what was found in the slots. Changes nothing when the machine left that phase. */
export function mediaRead(
  machine: Machine,
  findings: readonly MediaFinding[],
  at: number,
  rules: Rules,
): Step {
  if (machine.phase.kind !== "reading-media") return { machine, changes: [] };
  const changes: Change[] = [];
  for (const finding of findings) {
    if (finding.kind !== "unusable") continue;
    const detail = { slot: finding.slot, reason: finding.reason };
    changes.push({ at, action: "media-unreadable", detail });
  }
  for (const finding of findings) {
    if (finding.kind === "live") {
      const until = at + rules.timing.osBootMs;
      return enter(machine, { kind: "booting-os", until, from: "media" }, at, changes);
    }
    if (finding.kind === "installer") {
      const config = findings.find((other) => other.kind === "config")?.config ?? null;
      return install(
        machine,
        { slot: finding.slot, os: finding.os, config },
        { at, rules, changes },
      );
    }
  }
  const hasSystem = presentDisks(machine).some((disk) => disk.os !== null);
  if (hasSystem) return bootDisk(machine, at, rules, changes);
  return enter(machine, { kind: "halted", reason: "no bootable device" }, at, changes);
}

function install(
  machine: Machine,
  what: Pick<Installing, "slot" | "os" | "config">,
  how: { readonly at: number; readonly rules: Rules; readonly changes: readonly Change[] },
): Step {
  const { at, rules, changes } = how;
  const disk = presentDisks(machine)[0];
  const until = rules.traits.installHangs ? null : at + rules.timing.installMs;
  const phase: Installing = {
    kind: "installing",
    startedAt: at,
    until,
    disk: disk?.serial ?? "",
    ...what,
  };
  if (disk === undefined) {
    const failed = failInstall(machine, phase, "there is no disk to install on", at);
    return { machine: failed.machine, changes: [...changes, ...failed.changes] };
  }
  const disks = writeDisk(machine, disk.serial, { os: null, remains: true, erased: null });
  const started: Change = {
    at,
    action: "install-started",
    detail: { os: what.os, disk: disk.serial },
  };
  return enter({ ...machine, disks }, phase, at, [...changes, started]);
}

/** The installer has written the disk: it reports, and leaves by power or by restart, as its config drive asked. */
export function finishInstall(
  machine: Machine,
  installing: Installing,
  at: number,
  rules: Rules,
): Step {
  const isThere = presentDisks(machine).some((disk) => disk.serial === installing.disk);
  if (!isThere)
    return failInstall(machine, installing, "the disk went away during the installation", at);
  const disks = writeDisk(machine, installing.disk, {
    os: installing.os,
    remains: true,
    erased: null,
  });
  const outbox = report(machine, installing, { status: "installed" });
  const done: Change = {
    at,
    action: "install-finished",
    detail: { os: installing.os, disk: installing.disk },
  };
  const installed = { ...machine, disks, outbox };
  if (installing.config?.completion === "power-off") {
    const until = at + rules.timing.powerOffMs;
    return enter(installed, { kind: "powering-off", until, next: "off" }, at, [done]);
  }
  const restarted = startPost(installed, at, rules);
  return { machine: restarted.machine, changes: [done, ...restarted.changes] };
}

function report(
  machine: Machine,
  installing: Installing,
  body: Machine["outbox"][number]["body"],
): Machine["outbox"] {
  const url = installing.config?.callbackUrl ?? null;
  return url === null ? machine.outbox : [...machine.outbox, { url, body, attempts: 0 }];
}

export function writeDisk(
  machine: Machine,
  serial: string,
  content: Pick<Disk, "os" | "remains" | "erased">,
): Machine["disks"] {
  return machine.disks.map((disk) => (disk.serial === serial ? { ...disk, ...content } : disk));
}
