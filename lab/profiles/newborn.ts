import type { Machine } from "#lab/world/machine.ts";
import { allDrives, drivePart } from "./hardware.ts";
import type { Profile } from "./profile.ts";
import { seedOf } from "./seed.ts";

/** A machine as it is unpacked: switched off, its disks empty, the factory's account on its BMC. */
export function newborn(name: string, profile: Profile, now: number): Machine {
  const hardware = profile.hardware(seedOf(name));
  return {
    name,
    profile: profile.id,
    phase: { kind: "off" },
    boot: { enabled: "Disabled", target: "None", mode: profile.boot.mode },
    media: {},
    disks: allDrives(hardware).map((drive) => ({
      serial: drive.serial,
      part: drivePart(drive),
      os: null,
      remains: false,
      erased: null,
    })),
    pulled: [],
    indicator: "Off",
    assetTag: "",
    bios: {},
    biosPending: {},
    accounts: [{ ...profile.account, enabled: true }],
    jobs: [],
    jobCount: 0,
    outbox: [],
    lastResetAt: null,
    phaseSince: now,
    bmc: { startedAt: now, restartingUntil: null },
    logClearedUpTo: 0,
  };
}
