import type { LabDescription } from "#doors/infrastructure.ts";

/** The body that registers a BMC of the lab. */
export const registration = (bmc: LabDescription["bmcs"][number]) => ({
  bmcAddress: bmc.address,
  username: bmc.username,
  password: bmc.password,
  displayName: bmc.name,
});
