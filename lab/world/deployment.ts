import type { Change, Machine, Rules } from "./machine.ts";
import { powerState, presentDisks } from "./machine.ts";
import { changed, unchanged } from "./outcome.ts";
import type { Commanded } from "./outcome.ts";
import { interrupt, startPost, writeDisk } from "./phases.ts";

/**
 * An image is written to the first disk by somebody who does not boot it as an installer (Metal3's agent, run from a ramdisk).
 * A machine that is on restarts into it. Where installers hang, the disk is left as a broken installation leaves it.
 */
export function writeImage(machine: Machine, os: string, at: number, rules: Rules): Commanded {
  const [disk] = presentDisks(machine);
  if (disk === undefined || disk.os === os) return unchanged(machine);
  const { serial } = disk;
  const isBroken = rules.traits.installHangs;
  const content = { os: isBroken ? null : os, remains: true, erased: null };
  const written = { ...machine, disks: writeDisk(machine, serial, content) };
  const detail = { os, disk: serial };
  const change: Change = isBroken
    ? { at, action: "install-broken", detail: { ...detail, reason: "the installer hangs" } }
    : { at, action: "install-finished", detail };
  if (isBroken || powerState(machine) !== "On") return changed(written, change);
  const restarted = startPost(written, at, rules);
  return changed(restarted.machine, ...interrupt(machine, at), change, ...restarted.changes);
}

/**
 * Removes partition tables and boot records from all disks, so that none starts anything. The data behind them stays, and with
 * it `remains`: this is no erasure.
 */
export function cleanDisks(machine: Machine, at: number, rules: Rules): Commanded {
  const serials = presentDisks(machine).map((disk) => disk.serial);
  const detail = { serials, method: "metadata" };
  if (rules.traits.eraseFails) {
    return changed(machine, { at, action: "erase-failed", detail });
  }
  if (presentDisks(machine).every((disk) => disk.os === null)) return unchanged(machine);
  const disks = machine.disks.map((disk) =>
    serials.includes(disk.serial) ? { ...disk, os: null } : disk,
  );
  return changed({ ...machine, disks }, { at, action: "disks-cleaned", detail });
}
