import { base, refuse, succeeded } from "#lab/bmc/answer.ts";
import type { Answer } from "#lab/bmc/answer.ts";
import { link } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import type { BiosValue } from "#lab/world/machine.ts";

/** BIOS attributes and the object in which changes wait for the next restart. */
export function bios(profile: Profile): Routes {
  const { path, settings, attributes } = profile.bios;
  return {
    [path]: {
      get: (call) => ({
        "@odata.id": path,
        "@odata.type": "#Bios.v1_2_0.Bios",
        Id: "BIOS",
        Name: "BIOS Configuration Current Settings",
        Attributes: { ...attributes, ...call.machine.bios },
        "@Redfish.Settings": {
          "@odata.type": "#Settings.v1_3_5.Settings",
          SettingsObject: link(settings),
          SupportedApplyTimes: ["OnReset"],
        },
        Actions: { "#Bios.ResetBios": { target: `${path}/Actions/Bios.ResetBios` } },
      }),
    },
    [settings]: {
      get: (call) => ({
        "@odata.id": settings,
        "@odata.type": "#Bios.v1_2_0.Bios",
        Id: "Settings",
        Name: "BIOS Configuration Pending Settings",
        Attributes: { ...attributes, ...call.machine.bios, ...call.machine.biosPending },
      }),
      patch: (call) => patchBios(call, attributes),
    },
    [`${path}/Actions/Bios.ResetBios`]: {
      post: (call) => {
        call.command({ do: "reset-bios" });
        return succeeded(profile, profile.power.successStatus);
      },
    },
  };
}

function patchBios(call: Call, known: Readonly<Record<string, BiosValue>>): Answer {
  const { Attributes: sent } = call.body;
  if (typeof sent !== "object" || sent === null)
    return refuse(call.profile, base.missingProperty("Attributes"));
  const attributes: Record<string, BiosValue> = {};
  for (const [name, value] of Object.entries(sent)) {
    const current = known[name];
    if (current === undefined)
      return refuse(call.profile, base.unknownProperty(`Attributes/${name}`));
    if (typeof value !== typeof current)
      return refuse(call.profile, base.wrongType(`Attributes/${name}`, value));
    attributes[name] = value;
  }
  call.command({ do: "set-bios", attributes });
  return succeeded(call.profile, call.profile.power.successStatus);
}
