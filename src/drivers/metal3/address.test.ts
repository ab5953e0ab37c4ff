import { expect, it } from "vitest";
import type { BmcRef } from "#drivers/ports.ts";
import { metal3Address } from "./address.ts";

const bmcAt = (address: string): BmcRef => ({
  address,
  credentials: "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH",
  tls: { mode: "ca" },
});

it.each([
  [
    "https://10.0.0.5",
    "/redfish/v1/Systems/1",
    "hpe",
    "redfish-virtualmedia+https://10.0.0.5/redfish/v1/Systems/1",
  ],
  [
    "https://10.0.0.5:8443",
    "/redfish/v1/Systems/1/",
    null,
    "redfish-virtualmedia+https://10.0.0.5:8443/redfish/v1/Systems/1/",
  ],
  [
    "https://[fd00::5]",
    "/redfish/v1/Systems/S",
    "dell",
    "idrac-virtualmedia+https://[fd00::5]/redfish/v1/Systems/S",
  ],
])("%s of %s, made by %s", (address, systemPath, vendor, expected) => {
  expect(metal3Address({ bmc: bmcAt(address), systemPath, vendor })).toBe(expected);
});
