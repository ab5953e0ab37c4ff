import { z } from "zod";
import type { HostRef, HostState } from "#drivers/host-ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { clearHost, lookAtHost } from "./host.ts";
import type { ServerContext } from "./kit.ts";

/**
 * What Metal3 does to disks, by the host's cleaning mode; null where it does nothing. Automated cleaning writes over partition tables and
 * metadata, not over what is on the rest of the disk: the record names it, and whoever needs more erases through the BMC.
 */
export const cleaningMethod = (mode: HostState["cleaning"]): string | null =>
  mode === "metadata" ? "metal3 automated cleaning (metadata)" : null;

/** What was so before this step asked for anything. */
const Before = z.object({
  /** By Metal3's clock, with which alone its later times are compared: ours may be ahead of it. */
  cleanedAt: z.string().nullable(),
  /** At each look until now the host was told to clean. */
  cleans: z.boolean(),
});

/**
 * How a host, as it was `seen` at this look, was cleaned by this step: null when Metal3 had nothing on it, or was told not to clean for any
 * part of the time; else what to wait for. Metal3 notes an end of deprovisioning also where it cleaned nothing, and keeps that of
 * any time before: only one that is newer than what was there at the first look is a proof.
 */
export async function cleanHost(
  context: ServerContext,
  host: HostRef,
  seen: HostState,
): Promise<Wait | { readonly cleaned: { readonly method: string; readonly at: string } | null }> {
  const known = Before.safeParse(context.memo).data;
  const before = {
    cleanedAt: known === undefined ? seen.cleanedAt : known.cleanedAt,
    cleans: known?.cleans !== false && cleaningMethod(seen.cleaning) !== null,
  };
  // Written down before anything is asked: after a crash nobody could tell the old time from the new one.
  if (known === undefined)
    return wait("noting when Metal3 last cleaned the host", { for: "1s", memo: before });
  const waiting = await clearHost(context, host);
  if (waiting !== null) return { ...waiting, memo: before };
  const { cleaning, cleanedAt } = await lookAtHost(context, host);
  const method = before.cleans ? cleaningMethod(cleaning) : null;
  return {
    cleaned:
      method !== null && cleanedAt !== null && isNewer(cleanedAt, before.cleanedAt)
        ? { method, at: cleanedAt }
        : null,
  };
}

const isNewer = (time: string, than: string | null): boolean =>
  than === null || Date.parse(time) > Date.parse(than);
