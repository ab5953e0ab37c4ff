import type { HostRef, HostState } from "#drivers/host-ports.ts";
import { type Wait } from "#engine/kit.ts";
import { clearHost, lookAtHost } from "./host.ts";
import type { ServerContext } from "./kit.ts";

/**
 * What Metal3 does to disks, by the host's cleaning mode; null where it does nothing. Automated cleaning writes over partition tables and
 * metadata, not over what is on the rest of the disk: the record names it, and whoever needs more erases through the BMC.
 */
export const cleaningMethod = (mode: HostState["cleaning"]): string | null =>
  mode === "metadata" ? "metal3 automated cleaning (metadata)" : null;

/** How a host was cleaned: null when Metal3 had nothing on it, or is told not to clean; else what to wait for. */
export async function cleanHost(
  context: ServerContext,
  host: HostRef,
): Promise<Wait | { readonly cleaned: { readonly method: string; readonly at: string } | null }> {
  const waiting = await clearHost(context, host);
  if (waiting !== null) return waiting;
  const { cleaning, cleanedAt } = await lookAtHost(context, host);
  const method = cleaningMethod(cleaning);
  return { cleaned: method === null || cleanedAt === null ? null : { method, at: cleanedAt } };
}
