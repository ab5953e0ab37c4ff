import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { profiles } from "#lab/profiles/catalogue.ts";
import { newborn } from "#lab/profiles/newborn.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { Journal } from "#lab/world/journal.ts";
import { timingAt } from "#lab/world/timing.ts";
import { traitsOf } from "#lab/world/traits.ts";
import { World } from "#lab/world/world.ts";
import type { Body } from "./answer.ts";
import { serve } from "./service.ts";
import type { ServicePorts } from "./service.ts";
import { Sessions } from "./sessions.ts";

const folder = mkdtempSync(path.join(tmpdir(), "lab-crawl-"));
const worlds: World[] = [];

afterAll(() => {
  for (const world of worlds) world.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A powered-on machine whose time stands still, asked without a network in between. */
function poweredOn(profile: Profile): ServicePorts {
  let now = Date.UTC(2026, 0, 1);
  const clock = (): number => now;
  const journal = new Journal(path.join(folder, profile.id));
  const network = { readMedia: () => Promise.resolve([]), deliver: () => Promise.resolve(true) };
  const world = new World({ clock, journal, network, callbackDelayMs: () => 0 });
  worlds.push(world);
  const name = `crawl-${profile.id}`;
  const { mediaTargets } = profile.boot;
  world.add(newborn(name, profile, now), {
    timing: timingAt(1),
    traits: traitsOf(name),
    mediaTargets,
  });
  world.command(name, { do: "reset", type: "On" });
  now += 3_600_000;
  const sessions = new Sessions(profile.sessions, { clock, newToken: () => "token" });
  return { name, profile, traits: traitsOf(name), world, sessions, clock };
}

function get(ports: ServicePorts, url: string): ReturnType<typeof serve> {
  const { username, password } = ports.profile.account;
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return serve(ports, { method: "GET", url, headers: { authorization }, body: "" });
}

/** Every `@odata.id` in a body, apart from fragments of the body itself. */
function linksIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(linksIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "@odata.id" && typeof inner === "string" ? [inner] : linksIn(inner),
  );
}

describe.each(profiles)("every resource of $id", (profile) => {
  test("is what its link says, and no link leads nowhere", async () => {
    const ports = poweredOn(profile);
    const waiting = ["/redfish/v1/"];
    const seen = new Set(waiting);
    const types = new Set<string>();
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
      const answer = await get(ports, url);
      expect(answer.status, url).toBe(200);
      const body = answer.body as Body;
      const own = String(body["@odata.id"]);
      expect(own.split("?")[0], url).toBe(url.split("?")[0]);
      types.add(String(body["@odata.type"]).split(".")[0] ?? "");
      const next = body["Members@odata.nextLink"];
      const links = [...linksIn(body), ...(typeof next === "string" ? [next] : [])];
      for (const link of links) {
        if (link.includes("#") || seen.has(link)) continue;
        seen.add(link);
        waiting.push(link);
      }
    }
    expect(seen.size).toBeGreaterThan(80);
    for (const type of [
      "ComputerSystem",
      "Manager",
      "Drive",
      "VirtualMedia",
      "Sensor",
      "Processor",
      "Memory",
    ]) {
      expect(types).toContain(`#${type}`);
    }
  });
});
