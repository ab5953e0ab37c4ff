import type { Workflow } from "#engine/kit.ts";
import { serverDecommission } from "./server/decommission.ts";
import { serverInspect } from "./server/inspect.ts";
import { serverLifecycle } from "./server/lifecycle.ts";
import { serverProvision } from "./server/provision.ts";
import { serverRegister } from "./server/register.ts";

/** Every workflow of this version, by name. One that is not in this list does not exist. */
export const workflows: readonly Workflow[] = [
  serverRegister,
  serverInspect,
  serverProvision,
  serverLifecycle,
  serverDecommission,
];
