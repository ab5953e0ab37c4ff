import type { PowerState } from "#contract/inventory.ts";
import type { Completion } from "#contract/server.ts";

/**
 * How the end of an installation is known by looking at the machine. The difficulty is that an installer is an
 * operating system too: a BMC may say `OSRunning` of it. What tells them apart is the boot between them.
 *
 *   starting ──the boot from the medium──▶ running ──a second boot──▶ restarted ──OSRunning──▶ installed
 *
 * - The boot from the medium: an operating system has started and the one-time boot override is used up. What
 *   the BMC still shows of the time before (a stale `OSRunning`) does not count: first the power-on self-test
 *   must have been seen, or enough time have passed for one.
 * - A second boot: the self-test is seen again, or the time of the last reset has changed since the installer
 *   was seen to run. When nobody looked for minutes, it has to be so much later than that of the first boot that
 *   it cannot belong to the same one. The first boot's time is the first one that differs from what the BMC said
 *   while the machine was off.
 * - `OSBootStarted` after the second boot is not enough: firmware that finds no boot loader on the disk starts
 *   the medium again and shows the same.
 * - Nobody may have looked when the machine booted: it is quick, or the control plane was away for long. Where the
 *   installer has reported that it is done, a system that runs, or a machine that is off, is enough.
 */

/** What a look at the machine showed. */
export interface InstallLook {
  readonly power: PowerState;
  readonly changing: boolean;
  readonly bootProgress: string | null;
  readonly lastResetAt: string | null;
  /** The one-time override is still to be used; null where the machine does not tell. */
  readonly overrideWaiting: boolean | null;
}

export interface InstallWatch {
  readonly stage: "starting" | "running" | "restarted";
  /** The power-on self-test was seen. */
  readonly sawSelfTest: boolean;
  /** The BMC's time of the reset that began the first boot, null while it is not known. */
  readonly bootedAt: string | null;
}

/** Redfish BootProgress states in which the firmware initializes hardware (DSP2046, ComputerSystem). */
const selfTest = [
  "PrimaryProcessorInitializationStarted",
  "BusInitializationStarted",
  "MemoryInitializationStarted",
  "SecondaryProcessorInitializationStarted",
  "PCIResourceConfigStarted",
];

/** True while the firmware initializes hardware: what is read of parts now may be incomplete. */
export const isInSelfTest = (bootProgress: string | null): boolean =>
  bootProgress !== null && selfTest.includes(bootProgress);

const isBeforeSystem = (bootProgress: string | null): boolean =>
  isInSelfTest(bootProgress) ||
  bootProgress === "SystemHardwareInitializationComplete" ||
  bootProgress === "SetupEntered";

const isSystem = (bootProgress: string | null): boolean =>
  bootProgress === "OSBootStarted" || bootProgress === "OSRunning";

/** After this long, in declared time, what the BMC shows is no longer taken for a leftover of the time before. */
const staleMs = 300_000;
/** No installer is done sooner, in declared time; resets closer together belong to one boot. */
const shortestInstallMs = 120_000;
/** BMCs tell times in whole seconds, so two times of one boot may seem a second apart. */
const clockGrainMs = 2_000;
/** In declared time: some BMCs reckon the time of the reset anew at each reading, and err by a second. */
const clockErrorMs = 2_000;

export const watchBegun: InstallWatch = { stage: "starting", sawSelfTest: false, bootedAt: null };

export interface InstallTimes {
  /** Since the machine was switched on, in declared time. */
  readonly elapsedMs: number;
  /** `lastResetAt` as it was before the machine was switched on. */
  readonly resetBefore: string | null;
  /** What declared time is divided by. */
  readonly pace: number;
}

/** What is known after one more look. */
export function follow(watch: InstallWatch, look: InstallLook, times: InstallTimes): InstallWatch {
  if (watch.stage === "restarted") return watch;
  const sawSelfTest = watch.sawSelfTest || isBeforeSystem(look.bootProgress);
  const hasRestarted = wasResetAgain(watch, look, times);
  if (watch.stage === "running")
    return hasRestarted || isBeforeSystem(look.bootProgress)
      ? { ...watch, stage: "restarted" }
      : watch;
  const isNew = look.lastResetAt !== times.resetBefore;
  const bootedAt = watch.bootedAt ?? (isNew ? look.lastResetAt : null);
  if (hasRestarted) return { stage: "restarted", sawSelfTest, bootedAt };
  const isFresh = sawSelfTest || times.elapsedMs >= staleMs;
  const hasBooted = isSystem(look.bootProgress) && look.overrideWaiting !== true && isFresh;
  // Once the installer runs, the time of its boot is settled: until then a BMC may still correct it.
  return hasBooted
    ? { stage: "running", sawSelfTest, bootedAt: look.lastResetAt ?? bootedAt }
    : { stage: "starting", sawSelfTest, bootedAt };
}

function wasResetAgain(
  { stage, bootedAt }: InstallWatch,
  { lastResetAt }: InstallLook,
  { pace }: InstallTimes,
): boolean {
  if (lastResetAt === null || bootedAt === null) return false;
  const laterMs = Date.parse(lastResetAt) - Date.parse(bootedAt);
  return stage === "running"
    ? laterMs >= clockErrorMs / pace
    : laterMs >= Math.max(clockGrainMs, shortestInstallMs / pace);
}

/** `evidence`: what showed that the installation has ended; null: not yet, and `reason` says what is awaited. */
export type InstallVerdict =
  | { readonly evidence: Completion }
  | { readonly evidence: null; readonly reason: string };

/** How the installation is to end, and whether its installer has called back that it is done. */
export interface InstallEnding {
  readonly completion: Completion;
  readonly live: boolean;
  readonly reported: boolean;
}

/** Whether what was seen and reported ends the installation. */
export function judge(watch: InstallWatch, look: InstallLook, how: InstallEnding): InstallVerdict {
  const isOff = look.power === "off" && !look.changing;
  const systemRuns = look.power === "on" && look.bootProgress === "OSRunning";
  const tellsNothing = look.power === "on" && !look.changing && look.bootProgress === null;
  switch (how.completion) {
    case "callback":
      return how.reported
        ? { evidence: "callback" }
        : { evidence: null, reason: "waiting for the installer's call-back" };
    case "power-off":
      return isOff
        ? { evidence: "power-off" }
        : { evidence: null, reason: powerOffReasons[watch.stage] };
    case "boot-progress":
      if (how.live)
        return systemRuns && watch.stage !== "starting"
          ? { evidence: "boot-progress" }
          : { evidence: null, reason: "waiting for the live system to run" };
      if (watch.stage === "restarted" && systemRuns) return { evidence: "boot-progress" };
      // Installers may switch off instead of restarting; the first start of the system then tells whether it works.
      if (watch.stage !== "starting" && isOff) return { evidence: "power-off" };
      if (!how.reported) return { evidence: null, reason: reasons[watch.stage] };
      // The installer is done, so what runs now is the installed system, or will be once the medium is out. A
      // machine that turns out to tell nothing of its boots, now that it is on, will never show more than this.
      return systemRuns || isOff || tellsNothing
        ? { evidence: "callback" }
        : {
            evidence: null,
            reason: "the installer has reported its end; waiting for the installed system to run",
          };
  }
}

const powerOffReasons = {
  starting: "waiting for the installer to switch the machine off",
  running: "the installer runs; waiting for it to switch the machine off",
  restarted:
    "the machine has restarted where its installer was to switch it off; still waiting for that",
} as const satisfies Record<InstallWatch["stage"], string>;

const reasons = {
  starting: "waiting for the machine to boot the installer",
  running: "the installer runs; waiting for the machine to restart from its disk",
  restarted: "the machine has restarted; waiting for the installed system to run",
} as const satisfies Record<InstallWatch["stage"], string>;
