import type { Change, EraseJob, Machine, Rules, Step } from "./machine.ts";
import { boot, enter, finishInstall, powerOn, startPost, writeDisk } from "./phases.ts";

/** When this machine next changes by itself, null when it waits for somebody. */
export function nextDueAt(machine: Machine, rules: Rules): number | null {
  const times = [
    phaseEndsAt(machine),
    machine.bmc.restartingUntil,
    ...machine.jobs.map((job) => jobDueAt(job, rules)),
  ].filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/**
 * Lets everything happen that was due by `now`, in order and at its own time. That makes a lab that was
 * down for an hour continue as if it had been there: an installation that would have ended has ended.
 */
export function advance(machine: Machine, now: number, rules: Rules): Step {
  let current = machine;
  const changes: Change[] = [];
  for (;;) {
    const due = nextDueAt(current, rules);
    if (due === null || due > now) return { machine: current, changes };
    const step = elapse(current, due, rules);
    current = step.machine;
    changes.push(...step.changes);
  }
}

function elapse(machine: Machine, at: number, rules: Rules): Step {
  if (machine.bmc.restartingUntil !== null && machine.bmc.restartingUntil <= at) {
    return { machine: { ...machine, bmc: { startedAt: at, restartingUntil: null } }, changes: [] };
  }
  const job = machine.jobs.find((candidate) => {
    const due = jobDueAt(candidate, rules);
    return due !== null && due <= at;
  });
  return job === undefined ? endPhase(machine, at, rules) : endJob(machine, job, at, rules);
}

function phaseEndsAt(machine: Machine): number | null {
  const { phase } = machine;
  switch (phase.kind) {
    case "powering-on":
    case "post":
    case "booting-os":
    case "installing":
    case "shutting-down":
    case "powering-off":
      return phase.until;
    case "off":
    case "reading-media":
    case "os":
    case "live":
    case "halted":
      return null;
  }
}

function endPhase(machine: Machine, at: number, rules: Rules): Step {
  const { phase } = machine;
  switch (phase.kind) {
    case "powering-on":
      return startPost(machine, at, rules);
    case "post":
      return boot(machine, at, rules);
    case "booting-os": {
      const kind = phase.from === "disk" ? "os" : "live";
      return enter(machine, { kind }, at, [
        { at, action: "os-started", detail: { from: phase.from } },
      ]);
    }
    case "installing":
      return finishInstall(machine, phase, at, rules);
    case "shutting-down":
      return phase.next === "off" ? turnOff(machine, at) : startPost(machine, at, rules);
    case "powering-off": {
      const off = turnOff(machine, at);
      if (phase.next === "off") return off;
      return { machine: powerOn(off.machine, at, rules).machine, changes: off.changes };
    }
    case "off":
    case "reading-media":
    case "os":
    case "live":
    case "halted":
      return { machine, changes: [] };
  }
}

function turnOff(machine: Machine, at: number): Step {
  return enter(machine, { kind: "off" }, at, [{ at, action: "powered-off", detail: {} }]);
}

/** A job is due when it ends, and once more when its task is old enough to be deleted. */
function jobDueAt(job: EraseJob, rules: Rules): number | null {
  if (job.until === null) return null;
  return job.result === "running" ? job.until : job.until + rules.timing.taskKeptMs;
}

function endJob(machine: Machine, job: EraseJob, at: number, rules: Rules): Step {
  if (job.result !== "running") {
    return {
      machine: { ...machine, jobs: machine.jobs.filter((other) => other !== job) },
      changes: [],
    };
  }
  const hasFailed = rules.traits.eraseFails;
  const result = hasFailed ? "failed" : "done";
  const jobs = machine.jobs.map((other): EraseJob => (other === job ? { ...job, result } : other));
  const detail = { serials: job.serials, method: job.method };
  if (hasFailed)
    return { machine: { ...machine, jobs }, changes: [{ at, action: "erase-failed", detail }] };
  let { disks } = machine;
  for (const serial of job.serials) {
    disks = writeDisk({ ...machine, disks }, serial, {
      os: null,
      remains: false,
      erased: job.method,
    });
  }
  return {
    machine: { ...machine, disks, jobs },
    changes: [{ at, action: "erase-finished", detail }],
  };
}
