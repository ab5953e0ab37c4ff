import type { Traits } from "./traits.ts";
import type { Timing } from "./timing.ts";

/**
 * One simulated server as plain data. It is all that the journal keeps of it; everything that Redfish shows is computed
 * from this, the hardware of its profile and the time.
 *
 *   off ──On──▶ powering-on ──▶ post ──▶ ┬─ the disk has an OS ─▶ booting-os ─▶ os
 *    ▲                           ▲       ├─ an image is inserted ─▶ reading-media ─▶ ┬─ installing ─▶ post (or off)
 *    │                           │       │                                           ├─ booting-os ─▶ live
 *    │                           │       │                                           └─ halted
 *    │                           │       └─ neither ─▶ halted
 *    │                        restarts
 *    ├── shutting-down ◀── GracefulShutdown, heard only by os and live
 *    └── powering-off  ◀── ForceOff, from anywhere; PowerCycle continues with powering-on
 *
 * A phase with `until` ends by itself at that time; `reading-media` ends when the images have been read over HTTP.
 */
export interface Machine {
  readonly name: string;
  /** Id of the profile, see the profiles' catalogue. */
  readonly profile: string;
  readonly phase: Phase;
  readonly boot: BootOverride;
  /** What is inserted, by slot. An empty slot has no entry. */
  readonly media: Readonly<Record<string, Medium>>;
  /** In the order in which the firmware tries them. */
  readonly disks: readonly Disk[];
  /** Ids of parts that were taken out by hand. */
  readonly pulled: readonly string[];
  readonly indicator: "Off" | "Lit";
  readonly assetTag: string;
  readonly bios: Readonly<Record<string, BiosValue>>;
  /** BIOS values that wait for the next power-on self-test. */
  readonly biosPending: Readonly<Record<string, BiosValue>>;
  readonly accounts: readonly Account[];
  readonly jobs: readonly EraseJob[];
  readonly jobCount: number;
  readonly outbox: readonly Callback[];
  /** Milliseconds since the epoch, like all times here. */
  readonly lastResetAt: number | null;
  readonly phaseSince: number;
  readonly bmc: { readonly startedAt: number; readonly restartingUntil: number | null };
  /** Log entries up to this effect are no longer shown by the BMC. */
  readonly logClearedUpTo: number;
}

export type Phase =
  | { readonly kind: "off" }
  | { readonly kind: "powering-on"; readonly until: number }
  | { readonly kind: "post"; readonly until: number }
  | { readonly kind: "reading-media" }
  | { readonly kind: "booting-os"; readonly until: number; readonly from: "disk" | "media" }
  | { readonly kind: "os" }
  | { readonly kind: "live" }
  | Installing
  | { readonly kind: "halted"; readonly reason: string }
  | { readonly kind: "shutting-down"; readonly until: number; readonly next: "off" | "restart" }
  | { readonly kind: "powering-off"; readonly until: number; readonly next: "off" | "on" };

export interface Installing {
  readonly kind: "installing";
  readonly startedAt: number;
  /** Null when this installer never ends. */
  readonly until: number | null;
  readonly slot: string;
  readonly os: string;
  /** Serial number of the disk that is written. */
  readonly disk: string;
  readonly config: InstallConfig | null;
}

/** What the config drive asks of the installer (`millwright` in its meta-data). */
export interface InstallConfig {
  readonly callbackUrl: string | null;
  readonly completion: "callback" | "boot-progress" | "power-off";
}

export interface BootOverride {
  readonly enabled: "Disabled" | "Once" | "Continuous";
  readonly target: string;
  /** Null on machines that know only UEFI and have no such property. */
  readonly mode: "UEFI" | "Legacy" | null;
}

export interface Medium {
  readonly image: string;
  readonly writeProtected: boolean;
}

export interface Disk {
  readonly serial: string;
  readonly part: string;
  /** Name of the operating system it starts, null when it starts none. */
  readonly os: string | null;
  /** True while data of a user or of a broken installation may be on it. */
  readonly remains: boolean;
  /** Method of the last erasure, null when it was never erased or was written since. */
  readonly erased: string | null;
}

export interface Account {
  readonly id: string;
  readonly username: string;
  readonly password: string;
  readonly role: string;
  readonly enabled: boolean;
}

/** A secure erase, of one drive or of all. Its task may be forgotten before the drives are done. */
export interface EraseJob {
  readonly id: number;
  readonly serials: readonly string[];
  readonly method: string;
  readonly scope: "drive" | "system";
  /** The action that was posted to. */
  readonly target: string;
  readonly askedAt: number;
  /** Null while it waits for the next restart of the host. */
  readonly startedAt: number | null;
  readonly until: number | null;
  readonly result: "running" | "done" | "failed";
  /** True when the BMC no longer knows the task: it was restarted, or deleted it. */
  readonly forgotten: boolean;
}

/** A message that the installer still has to deliver. */
export interface Callback {
  readonly url: string;
  readonly body:
    | { readonly status: "installed" }
    | { readonly status: "failed"; readonly message: string };
  readonly attempts: number;
}

export type BiosValue = string | number;

/** What the state machine must know beside the machine itself. */
export interface Rules {
  readonly timing: Timing;
  readonly traits: Traits;
  /** Boot override targets by which this vendor's firmware starts a virtual CD. */
  readonly mediaTargets: readonly string[];
}

/** A change of the world before it is numbered. `detail` is small, plain and free of clocks. */
export interface Change {
  readonly at: number;
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Step {
  readonly machine: Machine;
  readonly changes: readonly Change[];
}

export type PowerState = "On" | "Off" | "PoweringOn" | "PoweringOff";

export function powerState(machine: Machine): PowerState {
  switch (machine.phase.kind) {
    case "off":
      return "Off";
    case "powering-on":
      return "PoweringOn";
    case "powering-off":
      return "PoweringOff";
    case "post":
    case "reading-media":
    case "booting-os":
    case "os":
    case "live":
    case "installing":
    case "halted":
    case "shutting-down":
      return "On";
  }
}

/** Redfish's BootProgress.LastState. An installer is a started, not a running, operating system: it has no agent. */
export function bootProgress(machine: Machine): string {
  switch (machine.phase.kind) {
    case "off":
    case "powering-on":
    case "powering-off":
      return "None";
    case "post":
      return "MemoryInitializationStarted";
    case "halted":
      return "SystemHardwareInitializationComplete";
    case "reading-media":
      return "SystemHardwareInitializationComplete";
    case "booting-os":
    case "installing":
      return "OSBootStarted";
    case "os":
    case "live":
    case "shutting-down":
      return "OSRunning";
  }
}

/** The disks that are still in the machine. */
export function presentDisks(machine: Machine): readonly Disk[] {
  return machine.disks.filter((disk) => !machine.pulled.includes(disk.part));
}
