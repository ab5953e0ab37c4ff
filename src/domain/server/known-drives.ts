import type { InventoryDrive } from "#contract/inventory.ts";
import { baselineOf, isComplete } from "./inventory-diff.ts";
import type { ServerState } from "./state.ts";

/** What the inspections of a server say of its drives: whatever erases them has to account for each. */

type Inspected = Pick<ServerState, "inventory" | "unseen">;

interface Shown {
  readonly driveId: string;
  readonly serial: string | null;
}

/** One drive keeps its serial number wherever it is plugged in; one without is told by its place. */
const isSame = (known: InventoryDrive, { driveId, serial }: Shown): boolean =>
  known.serial === null || serial === null
    ? known.id === driveId
    : known.serial.toLowerCase() === serial.toLowerCase();

/** The drives that were seen at the last inspection, or before and not looked for since, and are not among these. */
export const drivesMissingFrom = (
  { inventory, unseen }: Inspected,
  shown: readonly Shown[],
): readonly InventoryDrive[] =>
  (baselineOf(inventory, unseen)?.drives ?? []).filter(
    (known) => !shown.some((drive) => isSame(known, drive)),
  );

/** True only when an inspection has looked everywhere, with the machine on, and no drive was found then. */
export const isKnownDiskless = (server: Inspected): boolean =>
  server.inventory !== null &&
  isComplete(server.inventory, "drives") &&
  drivesMissingFrom(server, []).length === 0;
