import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { accountService } from "./account-service.ts";
import { baseboard } from "./baseboard.ts";
import { bios } from "./bios.ts";
import { chassis } from "./chassis.ts";
import { environment } from "./environment.ts";
import { logs } from "./logs.ts";
import { manager } from "./manager.ts";
import { memory } from "./memory.ts";
import { network } from "./network.ts";
import { pcieDevices, processors } from "./processors.ts";
import { serviceRoot } from "./service-root.ts";
import { sessionService } from "./session-service.ts";
import { storage } from "./storage.ts";
import { system } from "./system.ts";
import { tasks } from "./tasks.ts";
import { updateService } from "./update-service.ts";
import { virtualMedia } from "./virtual-media.ts";

const builders = [
  serviceRoot,
  sessionService,
  accountService,
  system,
  bios,
  processors,
  pcieDevices,
  memory,
  storage,
  network,
  chassis,
  baseboard,
  environment,
  manager,
  virtualMedia,
  updateService,
  logs,
  tasks,
] as const;

/** Every resource of a profile; the vendor's own come last and may replace a common one. */
export function routesOf(profile: Profile): Routes {
  let routes: Routes = {};
  for (const build of builders) routes = { ...routes, ...build(profile) };
  return { ...routes, ...profile.routes };
}
