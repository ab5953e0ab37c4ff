import { execFile, spawnSync } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { profiles } from "#lab/profiles/catalogue.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { tryLab } from "./try-lab.ts";
import type { Entry, TryLab } from "./try-lab.ts";

/**
 * Clients that other people wrote judge the lab: sushy (OpenStack Ironic) and redfishtool (DMTF). Where they are not
 * installed these tests are skipped; on Debian: apt-get install python3-sushy redfishtool.
 */
const run = promisify(execFile);
const python = "/usr/bin/python3";
const hasSushy = spawnSync(python, ["-c", "import sushy"]).status === 0;
const hasRedfishtool = spawnSync(python, ["-c", "import redfishtoollib"]).status === 0;

let lab: TryLab;
let image: string;

beforeAll(async () => {
  if (!hasSushy && !hasRedfishtool) return;
  lab = await tryLab({ servers: 2 * profiles.length });
  const { images } = await lab.control<{ images: { url: string }[] }>("GET", "/_lab");
  image = images[0]?.url ?? "";
});
afterAll(() => lab?.end());

/** Each client has its own machine of each profile. */
function machine(profile: Profile, round: 0 | 1): Promise<Entry> {
  const index = round * profiles.length + profiles.indexOf(profile);
  return lab.bmc(lab.lab.bmcs[index]?.name ?? "");
}

async function drive(script: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await run(python, [path.join(import.meta.dirname, script), ...args]);
  return JSON.parse(stdout);
}

async function actionsOn(name: string): Promise<readonly string[]> {
  const effects = await lab.control<{ action: string }[]>("GET", `/_lab/effects?target=${name}`);
  return effects.map(({ action }) => action);
}

describe.skipIf(!hasSushy)("sushy (not installed: skipped)", () => {
  test.each(profiles)("drives $id", async (profile) => {
    const { name, address, username, password } = await machine(profile, 0);
    const seen = await drive("drive_sushy.py", address, username, password, image);
    expect(seen).toMatchObject({
      identity: profile.ids.system,
      before: "Off",
      inserted: [true, image],
      boot: ["Once", profile.boot.mediaTargets[0]],
      ejected: [false, null],
    });
    const { count } = await lab.control<{ count: number }>("GET", `/_lab/bmcs/${name}/sessions`);
    expect(count).toBe(0);
  });
});

describe.skipIf(!hasRedfishtool)("redfishtool (not installed: skipped)", () => {
  test.each(profiles)("drives $id", async (profile) => {
    const { name, address, username, password } = await machine(profile, 1);
    const common = [
      "-r",
      address.replace("https://", ""),
      "-u",
      username,
      "-p",
      password,
      "-S",
      "Always",
      "-n",
    ];
    const { system } = profile.ids;
    const commands = [
      ["-A", "Session", "Systems", "-I", system, "get"],
      // AMI takes the override only in /SD, where redfishtool does not look.
      ...(profile.boot.settingsOnly
        ? []
        : [["Systems", "-I", system, "setBootOverride", "Once", "Cd"]]),
      ["Systems", "-I", system, "reset", "On"],
      ...mediaCommands(profile),
    ];
    const printed = await drive(
      "drive_redfishtool.py",
      JSON.stringify(commands.map((args) => [...common, ...args])),
    );
    expect(printed).toHaveLength(commands.length);
    const [first] = printed as string[];
    expect(JSON.parse(first ?? "")).toMatchObject({ Id: system, PowerState: "Off" });

    const actions = await actionsOn(name);
    const expected = ["power-on", "media-inserted", "media-ejected"];
    for (const once of profile.boot.settingsOnly ? expected : [...expected, "boot-override-set"]) {
      expect(actions.filter((action) => action === once)).toEqual([once]);
    }
  });
});

/** Inserting and ejecting by raw requests: redfishtool has no command for media. */
function mediaCommands(profile: Profile): readonly (readonly string[])[] {
  const [home] = profile.media.homes;
  const slot =
    profile.media.slots.find(({ types, isUsable }) => isUsable && types.includes("CD"))?.id ?? "";
  const owner =
    home?.owner === "system" ? `Systems/${profile.ids.system}` : `Managers/${profile.ids.manager}`;
  const path = `/redfish/v1/${owner}/VirtualMedia/${home?.names[slot]}`;
  if (profile.media.by === "patch") {
    const headers = '{"Content-Type":"application/json","OData-Version":"4.0","If-Match":"*"}';
    const inserted = JSON.stringify({ Image: image, Inserted: true, WriteProtected: true });
    const ejected = JSON.stringify({ Image: null, Inserted: false });
    return [inserted, ejected].map((body) => ["-H", headers, "-d", body, "raw", "PATCH", path]);
  }
  const slash = profile.wire.endsWithSlash ? "/" : "";
  const action = (name: string): string => `${path}/Actions/VirtualMedia.${name}${slash}`;
  return [
    ["-d", JSON.stringify({ Image: image }), "raw", "POST", action("InsertMedia")],
    ["-d", "{}", "raw", "POST", action("EjectMedia")],
  ];
}
