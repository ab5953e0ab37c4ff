import type { BmcRef } from "#drivers/ports.ts";

/**
 * A BMC's address as Metal3 wants it: the scheme names its driver, the path the system. Virtual media because that needs no boot
 * network; iDRAC has a driver of its own (docs.metal3.io, supported hardware).
 */
export function metal3Address({
  bmc,
  systemPath,
  vendor,
}: {
  readonly bmc: BmcRef;
  readonly systemPath: string;
  /** As inspection normalises it. */
  readonly vendor: string | null;
}): string {
  const { protocol, host } = new URL(bmc.address);
  const driver = vendor === "dell" ? "idrac-virtualmedia" : "redfish-virtualmedia";
  return `${driver}+${protocol}//${host}${systemPath}`;
}
