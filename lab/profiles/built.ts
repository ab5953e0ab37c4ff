import { routesOf } from "#lab/bmc/resources/all.ts";
import { Router } from "#lab/bmc/router.ts";
import type { Hardware } from "./hardware.ts";
import type { Profile } from "./profile.ts";
import { seedOf } from "./seed.ts";

const routers = new Map<Profile, Router>();

/** The router of a profile: built at the first request, shared by all BMCs of the profile. */
export function routerOf(profile: Profile): Router {
  const known = routers.get(profile);
  if (known !== undefined) return known;
  const router = new Router(routesOf(profile), { ignoresCase: profile.wire.ignoresCase });
  routers.set(profile, router);
  return router;
}

const built = new Map<string, Hardware>();

/** What is built into the server of this name. It never changes, and is kept once somebody has asked its BMC. */
export function hardwareOf(profile: Profile, name: string): Hardware {
  const id = `${profile.id}/${name}`;
  const known = built.get(id);
  if (known !== undefined) return known;
  const hardware = profile.hardware(seedOf(name));
  built.set(id, hardware);
  return hardware;
}
