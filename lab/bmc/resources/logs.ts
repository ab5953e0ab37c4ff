import { succeeded } from "#lab/bmc/answer.ts";
import type { Body } from "#lab/bmc/answer.ts";
import { collection, isoTime, link, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import type { Effect } from "#lab/world/effects.ts";

/** The event log: what happened to this machine, in the words of a BMC. It is read off the lab's list of effects. */
export function logs(profile: Profile): Routes {
  const { system, manager } = paths(profile);
  const home = `${profile.layout.log.owner === "system" ? system : manager}/LogServices`;
  const path = `${home}/${profile.layout.log.id}`;
  return {
    [home]: { get: () => collection(home, "LogService", [path]) },
    [path]: {
      get: (call) => ({
        "@odata.id": path,
        "@odata.type": "#LogService.v1_2_0.LogService",
        Id: profile.layout.log.id,
        Name: "Event Log",
        DateTime: isoTime(call.now),
        OverWritePolicy: "WrapsWhenFull",
        ServiceEnabled: true,
        Status: { State: "Enabled", Health: "OK" },
        Entries: link(`${path}/Entries`),
        Actions: { "#LogService.ClearLog": { target: `${path}/Actions/LogService.ClearLog` } },
      }),
    },
    [`${path}/Entries`]: {
      get: (call) => ({
        ...collection(`${path}/Entries`, "LogEntry", []),
        Members: entries(call).map((effect) => entryBody(effect, `${path}/Entries`)),
        "Members@odata.count": entries(call).length,
      }),
    },
    [`${path}/Entries/{id}`]: {
      get: (call) => {
        const effect = entries(call).find(({ id }) => String(id) === call.params["id"]);
        return effect === undefined ? undefined : entryBody(effect, `${path}/Entries`);
      },
    },
    [`${path}/Actions/LogService.ClearLog`]: {
      post: (call) => {
        call.command({ do: "clear-log", upTo: call.effects.at(-1)?.id ?? 0 });
        return succeeded(profile, profile.power.successStatus);
      },
    },
  };
}

/** Newest first, as most vendors list them. */
function entries(call: Call): readonly Effect[] {
  return call.effects.filter(({ id }) => id > call.machine.logClearedUpTo).toReversed();
}

const warnings = [
  "install-broken",
  "erase-failed",
  "media-unreadable",
  "part-pulled",
  "callback-given-up",
];

function entryBody(effect: Effect, home: string): Body {
  const severity = warnings.includes(effect.action) ? "Warning" : "OK";
  return {
    "@odata.id": `${home}/${effect.id}`,
    "@odata.type": "#LogEntry.v1_11_0.LogEntry",
    Id: String(effect.id),
    Name: "Log Entry",
    EntryType: "Event",
    Created: effect.at.replace(/\.\d+Z$/, "+00:00"),
    Severity: severity,
    Message: sentence(effect),
    MessageArgs: [],
  };
}

/** `media-inserted {slot: CD}` reads "Media inserted: slot CD." */
function sentence(effect: Effect): string {
  const words = effect.action.replaceAll("-", " ");
  const details = Object.entries(effect.detail)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
    )
    .join(", ");
  const start = `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
  return details === "" ? `${start}.` : `${start}: ${details}.`;
}
