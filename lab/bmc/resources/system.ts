import { base, refuse, succeeded } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { collection, healthy, isoTime, link, links, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import { memoryPart } from "#lab/profiles/hardware.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { bootProgress, powerState } from "#lab/world/machine.ts";
import type { PowerState } from "#lab/world/machine.ts";
import { resetTypes } from "#lab/world/reset.ts";
import { bootBody, patchBoot, settingsBody } from "./boot.ts";

/** PowerState as this BMC tells it. The liar keeps the state in which every machine of the lab begins. */
export function shownPower(call: Call): PowerState {
  return call.traits.liesAboutPower ? "Off" : powerState(call.machine);
}

/** The Systems collection, the host, its Reset action and its settings object. */
export function system(profile: Profile): Routes {
  const { system: path } = paths(profile);
  const members =
    profile.layout.gpus === "baseboard" ? [path, "/redfish/v1/Systems/HGX_Baseboard_0"] : [path];
  const { settings } = profile.boot;
  return {
    "/redfish/v1/Systems": {
      get: () =>
        collection("/redfish/v1/Systems", "ComputerSystem", members, "Computer System Collection"),
    },
    [path]: {
      get: (call) => ({ ...systemBody(call), ...profile.own.system?.(call) }),
      patch: patchSystem,
    },
    [`${path}/Actions/ComputerSystem.Reset`]: { post: resetSystem },
    ...(profile.power.listed === "inline"
      ? {}
      : { [`${path}/ResetActionInfo`]: { get: () => resetInfo(profile) } }),
    ...(settings === null
      ? {}
      : {
          [`${path}/${settings.suffix}`]: {
            get: (call: Call) => settingsBody(call),
            patch: (call: Call) => patchBoot(call, "settings"),
          },
        }),
  };
}

function systemBody(call: Call): Body {
  const { profile, hardware, machine } = call;
  const { system: path, manager, chassis } = paths(profile);
  const memoryMiB = hardware.dimms
    .filter((dimm) => !machine.pulled.includes(memoryPart(dimm)))
    .reduce((sum, dimm) => sum + (dimm.module?.capacityMiB ?? 0), 0);
  const { layout, boot } = profile;
  const hasSystemMedia = profile.media.homes.some((home) => home.owner === "system");
  return {
    "@odata.id": path,
    "@odata.type": `#${profile.versions.system}.ComputerSystem`,
    Id: profile.ids.system,
    Name: "System",
    SystemType: "Physical",
    Manufacturer: profile.vendor,
    Model: profile.model,
    SerialNumber: hardware.serial,
    SKU: hardware.sku,
    PartNumber: hardware.partNumber,
    UUID: hardware.uuid,
    AssetTag: machine.assetTag,
    BiosVersion: hardware.firmware.find((firmware) => /bios|uefi|system rom/i.test(firmware.name))
      ?.version,
    HostName: "",
    IndicatorLED: machine.indicator,
    PowerState: shownPower(call),
    Status: healthy,
    LastResetTime: machine.lastResetAt === null ? undefined : isoTime(machine.lastResetAt),
    Boot: bootBody(call),
    BootProgress: boot.hasProgress
      ? { LastState: bootProgress(machine), LastStateTime: isoTime(machine.phaseSince) }
      : undefined,
    ProcessorSummary: {
      Count: hardware.cpus.length,
      CoreCount: hardware.cpus.reduce((sum, cpu) => sum + cpu.cores, 0),
      LogicalProcessorCount: hardware.cpus.reduce((sum, cpu) => sum + cpu.threads, 0),
      Model: hardware.cpus[0]?.model ?? null,
      Status: healthy,
    },
    MemorySummary: { TotalSystemMemoryGiB: memoryMiB / 1024, Status: healthy },
    Bios: link(profile.bios.path),
    Processors: link(`${path}/Processors`),
    Memory: link(`${path}/Memory`),
    Storage: link(`${path}/Storage`),
    EthernetInterfaces: layout.hasEthernetInterfaces
      ? link(`${path}/EthernetInterfaces`)
      : undefined,
    NetworkInterfaces: layout.hasNetworkInterfaces ? link(`${path}/NetworkInterfaces`) : undefined,
    LogServices: layout.log.owner === "system" ? link(`${path}/LogServices`) : undefined,
    VirtualMedia: hasSystemMedia ? link(`${path}/VirtualMedia`) : undefined,
    Links: { Chassis: links([chassis]), ManagedBy: links([manager]) },
    "@Redfish.Settings":
      boot.settings === null
        ? undefined
        : {
            "@odata.type": "#Settings.v1_3_5.Settings",
            SettingsObject: link(`${path}/${boot.settings.suffix}`),
          },
    Actions: { "#ComputerSystem.Reset": resetAction(profile) },
  };
}

function resetAction(profile: Profile): Body {
  const { system: path } = paths(profile);
  const { listed } = profile.power;
  return {
    target: `${path}/Actions/ComputerSystem.Reset`,
    "ResetType@Redfish.AllowableValues":
      listed === "action-info" ? undefined : profile.power.resetTypes,
    "@Redfish.ActionInfo": listed === "inline" ? undefined : `${path}/ResetActionInfo`,
  };
}

function resetInfo(profile: Profile): Body {
  return {
    "@odata.id": `${paths(profile).system}/ResetActionInfo`,
    "@odata.type": "#ActionInfo.v1_1_2.ActionInfo",
    Id: "ResetActionInfo",
    Name: "Reset Action Info",
    Parameters: [
      {
        Name: "ResetType",
        Required: true,
        DataType: "String",
        AllowableValues: profile.power.resetTypes,
      },
    ],
  };
}

function resetSystem(call: Call): Answer {
  const { profile } = call;
  const { ResetType: wanted, ...unknown } = call.body;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined)
    return refuse(profile, base.unknownParameter("ComputerSystem.Reset", stranger));
  if (wanted === undefined)
    return refuse(profile, base.missingParameter("ComputerSystem.Reset", "ResetType"));
  const type = resetTypes.find((candidate) => candidate === wanted);
  if (type === undefined || !profile.power.resetTypes.includes(type)) {
    return refuse(profile, base.parameterNotInList("ComputerSystem.Reset", "ResetType", wanted));
  }
  const outcome = call.command({ do: "reset", type });
  const done = succeeded(profile, profile.power.successStatus);
  switch (outcome.kind) {
    case "changed":
    case "ignored":
      return done;
    case "unchanged": {
      const answers = profile.power.onAlreadyThere;
      if (answers === null) return done;
      return refuse(profile, type === "On" || type === "ForceOn" ? answers.on : answers.off);
    }
    case "refused":
      return refuse(
        profile,
        outcome.because === "power-is-off" ? profile.power.onPowerOff : base.inUse(),
      );
  }
}

/** AssetTag, IndicatorLED and Boot are what can be written. All of it is checked before any of it is done. */
function patchSystem(call: Call): Answer {
  const { profile, body } = call;
  const {
    AssetTag: assetTag,
    IndicatorLED: indicator,
    LocationIndicatorActive: located,
    Boot: boot,
    ...rest
  } = body;
  const [other] = Object.keys(rest);
  if (other !== undefined) {
    const isKnown = other in systemBody(call);
    return refuse(profile, isKnown ? base.notWritable(other) : base.unknownProperty(other));
  }
  if (assetTag !== undefined && typeof assetTag !== "string")
    return refuse(profile, base.wrongType("AssetTag", assetTag));
  const lit =
    located === undefined
      ? indicator
      : located === true
        ? "Lit"
        : located === false
          ? "Off"
          : located;
  if (lit !== undefined && lit !== "Lit" && lit !== "Off" && lit !== "Blinking") {
    return refuse(
      profile,
      base.valueNotInList(located === undefined ? "IndicatorLED" : "LocationIndicatorActive", lit),
    );
  }
  if (boot !== undefined) {
    const answer = patchBoot(call, "system");
    if (answer.status >= 400) return answer;
  }
  if (assetTag !== undefined) call.command({ do: "set-asset-tag", assetTag });
  if (lit !== undefined)
    call.command({ do: "set-indicator", indicator: lit === "Off" ? "Off" : "Lit" });
  return succeeded(profile, profile.power.successStatus);
}
