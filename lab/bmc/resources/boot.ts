import { base, refuse, succeeded } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { BootProperty, BootRules } from "#lab/profiles/profile.ts";
import type { BootOverride } from "#lab/world/machine.ts";

const enabledValues = ["Disabled", "Once", "Continuous"] as const;

/** The Boot object of the system. */
export function bootBody(call: Call): Body {
  const { boot: rules } = call.profile;
  const all = bootProperties(call);
  return {
    BootSourceOverrideTarget: all.BootSourceOverrideTarget,
    BootSourceOverrideEnabled: all.BootSourceOverrideEnabled,
    BootSourceOverrideMode: rules.mode === null ? undefined : all.BootSourceOverrideMode,
    BootOrder: all.BootOrder,
    ...(rules.settingsOnly ? {} : allowableValues(rules)),
  };
}

/** The settings object, with only those Boot properties that this vendor takes there. */
export function settingsBody(call: Call): Body {
  const { profile } = call;
  const { settings } = profile.boot;
  if (settings === null) return {};
  const all = bootProperties(call);
  const has = (property: BootProperty): boolean => settings.properties.includes(property);
  return {
    "@odata.id": `${paths(profile).system}/${settings.suffix}`,
    "@odata.type": `#${profile.versions.system}.ComputerSystem`,
    Id: settings.suffix,
    Name: "Pending Settings",
    Boot: {
      BootSourceOverrideTarget: has("BootSourceOverrideTarget")
        ? all.BootSourceOverrideTarget
        : undefined,
      BootSourceOverrideEnabled: has("BootSourceOverrideEnabled")
        ? all.BootSourceOverrideEnabled
        : undefined,
      BootSourceOverrideMode: has("BootSourceOverrideMode")
        ? all.BootSourceOverrideMode
        : undefined,
      BootOrder: has("BootOrder") ? all.BootOrder : undefined,
      ...(has("BootSourceOverrideTarget") ? allowableValues(profile.boot) : {}),
    },
  };
}

function bootProperties(call: Call): Readonly<Record<BootProperty, unknown>> {
  const { boot } = call.machine;
  return {
    BootSourceOverrideTarget: boot.target,
    BootSourceOverrideEnabled: boot.enabled,
    BootSourceOverrideMode: boot.mode,
    BootOrder: call.profile.boot.order,
  };
}

function allowableValues(rules: BootRules): Body {
  return {
    "BootSourceOverrideTarget@Redfish.AllowableValues": rules.targets,
    "BootSourceOverrideEnabled@Redfish.AllowableValues": rules.enabledValues ?? undefined,
  };
}

/** A PATCH of Boot, on the system or on its settings object, with the vendor's rules about what must come with what. */
export function patchBoot(call: Call, at: "system" | "settings"): Answer {
  const { profile } = call;
  const { boot: rules } = profile;
  const boot = call.body["Boot"];
  if (typeof boot !== "object" || boot === null)
    return refuse(profile, base.wrongType("Boot", boot));
  if (rules.duringPost !== null && call.machine.phase.kind === "post")
    return refuse(profile, rules.duringPost);
  const sent = Object.entries(boot);
  for (const [name] of sent) {
    if (!isWritable(rules, at, name)) return refuse(profile, base.notWritable(name));
  }
  const parsed = parse(call, Object.fromEntries(sent));
  if ("status" in parsed) return parsed;
  call.command({ do: "set-boot", boot: parsed });
  return succeeded(profile, profile.power.successStatus);
}

function isWritable(rules: BootRules, at: "system" | "settings", name: string): boolean {
  // The order in which a lab machine tries its devices is fixed: override, disk, CD.
  if (name === "BootOrder") return false;
  if (name === "BootSourceOverrideMode" && rules.mode === null) return false;
  if (at === "settings")
    return rules.settings?.properties.some((property) => property === name) ?? false;
  if (rules.settingsOnly) return false;
  return (
    name === "BootSourceOverrideTarget" ||
    name === "BootSourceOverrideEnabled" ||
    name === "BootSourceOverrideMode"
  );
}

function parse(call: Call, sent: Body): Partial<BootOverride> | Answer {
  const { profile, machine } = call;
  const { boot: rules } = profile;
  const {
    BootSourceOverrideTarget: target,
    BootSourceOverrideEnabled: enabled,
    BootSourceOverrideMode: mode,
  } = sent;
  if (target !== undefined && !rules.targets.some((known) => known === target)) {
    return refuse(profile, base.valueNotInList("BootSourceOverrideTarget", target));
  }
  const isKnown = enabledValues.find((known) => known === enabled);
  if (
    enabled !== undefined &&
    (isKnown === undefined || (isKnown === "Continuous" && !rules.hasContinuous))
  ) {
    return refuse(profile, base.valueNotInList("BootSourceOverrideEnabled", enabled));
  }
  if (mode !== undefined && mode !== "UEFI")
    return refuse(profile, base.valueNotInList("BootSourceOverrideMode", mode));
  const missing = [
    "BootSourceOverrideTarget",
    "BootSourceOverrideEnabled",
    "BootSourceOverrideMode",
  ].find((name) => !(name in sent));
  if (rules.needsAll && missing !== undefined)
    return refuse(profile, base.missingProperty(missing));

  const wanted: BootOverride = {
    target: typeof target === "string" ? target : machine.boot.target,
    enabled: isKnown ?? (rules.resetsUnsent ? "Once" : machine.boot.enabled),
    mode: machine.boot.mode,
  };
  if (
    rules.refusesEnabledNone &&
    isKnown !== undefined &&
    isKnown !== "Disabled" &&
    wanted.target === "None"
  ) {
    return refuse(profile, base.valueNotInList("BootSourceOverrideTarget", "None"));
  }
  return isKnown === "Disabled" ? { ...wanted, target: "None" } : wanted;
}
