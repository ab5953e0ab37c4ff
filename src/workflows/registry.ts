import type { Workflow } from "#engine/kit.ts";
import { clusterCreate } from "./cluster/create.ts";
import { clusterDelete } from "./cluster/delete.ts";
import { clusterScale } from "./cluster/scale.ts";
import { clusterUpgrade } from "./cluster/upgrade.ts";
import { serverDecommission } from "./server/decommission.ts";
import { serverInspect } from "./server/inspect.ts";
import { serverLifecycle } from "./server/lifecycle.ts";
import { serverProvision } from "./server/provision.ts";
import { serverRegister } from "./server/register.ts";
import { vmCreate } from "./vm/create.ts";
import { vmDelete } from "./vm/delete.ts";
import { vmPower } from "./vm/power.ts";

/** Every workflow of this version, by name. One that is not in this list does not exist. */
export const workflows: readonly Workflow[] = [
  serverRegister,
  serverInspect,
  serverProvision,
  serverLifecycle,
  serverDecommission,
  clusterCreate,
  clusterScale,
  clusterUpgrade,
  clusterDelete,
  vmCreate,
  vmPower,
  vmDelete,
];
