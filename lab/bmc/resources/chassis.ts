import { base, refuse, succeeded } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { collection, healthy, link, links, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { shownPower } from "./system.ts";

const home = "/redfish/v1/Chassis";

/** The main chassis, the drives' enclosures and what else the vendor calls a chassis. */
export function chassis(profile: Profile): Routes {
  const { chassis: main } = paths(profile);
  return {
    [home]: {
      get: (call) => {
        const enclosures = call.hardware.storages.flatMap(({ enclosure }) =>
          enclosure === null ? [] : [enclosure],
        );
        const more = profile.layout.moreChassis.map(({ id }) => id);
        const board = profile.layout.gpus === "baseboard" ? ["HGX_Chassis_0"] : [];
        const ids = [...new Set([profile.ids.chassis, ...enclosures, ...more, ...board])];
        return collection(
          home,
          "Chassis",
          ids.map((id) => `${home}/${id}`),
        );
      },
    },
    [main]: {
      get: (call) => ({ ...mainBody(call), ...profile.own.chassis?.(call) }),
      patch: patchChassis,
    },
    [`${home}/{chassis}`]: { get: otherBody },
  };
}

function mainBody(call: Call): Body {
  const { profile, hardware, machine } = call;
  const { chassis: path, system, manager } = paths(profile);
  const { layout } = profile;
  const hasOld = layout.environment !== "new";
  const hasNew = layout.environment !== "old";
  return {
    "@odata.id": path,
    "@odata.type": `#${profile.versions.chassis}.Chassis`,
    Id: profile.ids.chassis,
    Name: "Computer System Chassis",
    ChassisType: "RackMount",
    Manufacturer: profile.vendor,
    Model: profile.model,
    SerialNumber: hardware.serial,
    PartNumber: hardware.partNumber,
    AssetTag: machine.assetTag,
    IndicatorLED: machine.indicator,
    PowerState: shownPower(call) === "Off" ? "Off" : "On",
    Status: healthy,
    Power: hasOld ? link(`${path}/Power`) : undefined,
    Thermal: hasOld ? link(`${path}/Thermal`) : undefined,
    PowerSubsystem: hasNew ? link(`${path}/PowerSubsystem`) : undefined,
    ThermalSubsystem: hasNew ? link(`${path}/ThermalSubsystem`) : undefined,
    Sensors: link(`${path}/Sensors`),
    NetworkAdapters: link(`${path}/NetworkAdapters`),
    PCIeDevices: layout.gpus === "pcie-devices" ? link(`${path}/PCIeDevices`) : undefined,
    Links: {
      ComputerSystems: links([system]),
      ManagedBy: links([manager]),
      ManagersInChassis: links([manager]),
    },
  };
}

function otherBody(call: Call): Body | undefined {
  const { profile, hardware } = call;
  const id = call.params["chassis"] ?? "";
  const { system, manager, chassis: main } = paths(profile);
  const more = profile.layout.moreChassis.find((candidate) => candidate.id === id);
  const enclosure = hardware.storages.find((storage) => storage.enclosure === id);
  if (more === undefined && enclosure === undefined) return undefined;
  return {
    "@odata.id": `${home}/${id}`,
    "@odata.type": `#${profile.versions.chassis}.Chassis`,
    Id: id,
    Name: id,
    ChassisType: more?.type ?? "StorageEnclosure",
    Manufacturer: profile.vendor,
    Model: more?.model ?? "Storage Backplane",
    Status: healthy,
    Drives: enclosure === undefined ? undefined : link(`${home}/${id}/Drives`),
    Links: {
      ComputerSystems: links([system]),
      ManagedBy: links([manager]),
      ContainedBy: link(main),
    },
  };
}

function patchChassis(call: Call): Answer {
  const { profile, body } = call;
  const { IndicatorLED: indicator, LocationIndicatorActive: located, ...rest } = body;
  const [other] = Object.keys(rest);
  if (other !== undefined) {
    return refuse(
      profile,
      other in mainBody(call) ? base.notWritable(other) : base.unknownProperty(other),
    );
  }
  const lit = located === true ? "Lit" : located === false ? "Off" : indicator;
  if (lit !== "Lit" && lit !== "Off" && lit !== "Blinking")
    return refuse(profile, base.valueNotInList("IndicatorLED", lit));
  call.command({ do: "set-indicator", indicator: lit === "Off" ? "Off" : "Lit" });
  return succeeded(profile, profile.power.successStatus);
}
