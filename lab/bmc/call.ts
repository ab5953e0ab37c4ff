import type { Hardware } from "#lab/profiles/hardware.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import type { Command } from "#lab/world/command.ts";
import type { Effect } from "#lab/world/effects.ts";
import type { Machine } from "#lab/world/machine.ts";
import type { Outcome } from "#lab/world/outcome.ts";
import type { Traits } from "#lab/world/traits.ts";
import type { Body } from "./answer.ts";
import type { Sessions } from "./sessions.ts";

/** One request as a resource sees it: the machine as it is now, and the only way to change it. */
export interface Call {
  readonly profile: Profile;
  readonly machine: Machine;
  readonly hardware: Hardware;
  readonly traits: Traits;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Of the route's template: `{id}` as `id`. */
  readonly params: Readonly<Record<string, string>>;
  /** As asked for, without query and trailing slash. */
  readonly path: string;
  /** The JSON object of a write, `{}` when there was none. */
  readonly body: Body;
  readonly sessions: Sessions;
  /** What happened to this machine, oldest first. */
  readonly effects: readonly Effect[];
  /** Changes the machine. The caller's idempotency key goes along. */
  readonly command: (command: Command) => Outcome;
}

const root = "/redfish/v1";

/** Paths of the resources that others link to. */
export function paths(profile: Profile): {
  readonly system: string;
  readonly manager: string;
  readonly chassis: string;
} {
  return {
    system: `${root}/Systems/${profile.ids.system}`,
    manager: `${root}/Managers/${profile.ids.manager}`,
    chassis: `${root}/Chassis/${profile.ids.chassis}`,
  };
}

export function link(path: string): { readonly "@odata.id": string } {
  return { "@odata.id": path };
}

export function links(all: readonly string[]): readonly { readonly "@odata.id": string }[] {
  return all.map(link);
}

export const healthy = { State: "Enabled", Health: "OK", HealthRollup: "OK" } as const;

export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "+00:00");
}

export function collection(
  path: string,
  type: string,
  members: readonly string[],
  name = `${type} Collection`,
): Body {
  return {
    "@odata.id": path,
    "@odata.type": `#${type}Collection.${type}Collection`,
    Name: name,
    Members: links(members),
    "Members@odata.count": members.length,
  };
}
