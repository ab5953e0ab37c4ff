import { base, refuse, succeeded } from "#lab/bmc/answer.ts";
import type { Answer } from "#lab/bmc/answer.ts";
import { collection, healthy, isoTime, link, links, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";

/** The BMC about itself. Its Reset makes it unreachable for a while, and forgetful. */
export function manager(profile: Profile): Routes {
  const { manager: path, system, chassis } = paths(profile);
  const members =
    profile.layout.gpus === "baseboard" ? [path, "/redfish/v1/Managers/HGX_BMC_0"] : [path];
  const hasMedia = profile.media.homes.some((home) => home.owner === "manager");
  return {
    "/redfish/v1/Managers": { get: () => collection("/redfish/v1/Managers", "Manager", members) },
    [path]: {
      get: (call) => ({
        "@odata.id": path,
        "@odata.type": `#${profile.versions.manager}.Manager`,
        Id: profile.ids.manager,
        Name: "Manager",
        ManagerType: "BMC",
        UUID: call.hardware.uuid,
        DateTime: isoTime(call.now),
        DateTimeLocalOffset: "+00:00",
        LastResetTime: isoTime(call.machine.bmc.startedAt),
        PowerState: "On",
        Status: healthy,
        VirtualMedia: hasMedia ? link(`${path}/VirtualMedia`) : undefined,
        LogServices:
          profile.layout.log.owner === "manager" ? link(`${path}/LogServices`) : undefined,
        Links: {
          ManagerForServers: links([system]),
          ManagerForChassis: links([chassis]),
          ManagerInChassis: link(chassis),
        },
        Actions: {
          "#Manager.Reset": {
            target: `${path}/Actions/Manager.Reset`,
            "ResetType@Redfish.AllowableValues": profile.power.managerReset,
          },
        },
        ...profile.own.manager?.(call),
      }),
    },
    [`${path}/Actions/Manager.Reset`]: { post: resetManager },
  };
}

function resetManager(call: Call): Answer {
  const { profile } = call;
  const { ResetType: type = profile.power.managerReset[0] } = call.body;
  if (!profile.power.managerReset.some((known) => known === type)) {
    return refuse(profile, base.parameterNotInList("Manager.Reset", "ResetType", type));
  }
  call.command({ do: "restart-bmc" });
  return succeeded(profile, profile.power.successStatus);
}
