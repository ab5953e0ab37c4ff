import { collection, link } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";

const service = "/redfish/v1/UpdateService";
const inventory = `${service}/FirmwareInventory`;

/** The versions of what is installed. The lab updates no firmware and therefore lists no action for it. */
export function updateService(profile: Profile): Routes {
  return {
    [service]: {
      get: (call) => ({
        "@odata.id": service,
        "@odata.type": "#UpdateService.v1_11_0.UpdateService",
        Id: "UpdateService",
        Name: "Update Service",
        ServiceEnabled: true,
        Status: { State: "Enabled", Health: "OK" },
        FirmwareInventory: link(inventory),
        ...profile.own.updateService?.(call),
      }),
    },
    [inventory]: {
      get: (call) =>
        collection(
          inventory,
          "SoftwareInventory",
          call.hardware.firmware.map(({ id }) => `${inventory}/${id}`),
        ),
    },
    [`${inventory}/{id}`]: {
      get: (call) => {
        const firmware = call.hardware.firmware.find(({ id }) => id === call.params["id"]);
        if (firmware === undefined) return undefined;
        return {
          "@odata.id": `${inventory}/${firmware.id}`,
          "@odata.type": "#SoftwareInventory.v1_4_0.SoftwareInventory",
          Id: firmware.id,
          Name: firmware.name,
          Version: firmware.version,
          Updateable: firmware.isUpdateable,
          Status: { State: "Enabled", Health: "OK" },
        };
      },
    },
  };
}
