import type { ApiDocument } from "#http/api-document.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import type { Route } from "#http/endpoint.ts";
import { Once } from "#http/once.ts";
import { type Door, serverSubject } from "#http/start-run.ts";
import { clusterRunRoutes } from "./cluster-runs.ts";
import { clusterRoutes } from "./clusters.ts";
import { eventRoutes } from "./events.ts";
import { machineRoutes } from "./machines.ts";
import { operationRoutes } from "./operations.ts";
import { poolChangeRoutes } from "./pool-changes.ts";
import { poolRoutes } from "./pools.ts";
import { runActRoutes } from "./run-acts.ts";
import { runEventRoutes } from "./run-events.ts";
import { runRoutes } from "./runs.ts";
import { serverRegistrationRoutes } from "./server-registration.ts";
import { serverRunRoutes } from "./server-runs.ts";
import { serverRoutes } from "./servers.ts";
import { vmRoutes } from "./vms.ts";
import { workflowTypeRoutes } from "./workflow-types.ts";

/** Every route, in the order of the document. */
export function allRoutes(deps: ApiDependencies, document: () => ApiDocument): Route[] {
  const once = new Once(deps.engine, deps.fingerprint);
  const door: Door = { ...deps, once, subject: serverSubject(deps) };
  return [
    ...serverRegistrationRoutes(deps, door),
    ...serverRoutes(deps, once),
    ...serverRunRoutes(deps, door),
    ...clusterRoutes(deps),
    ...clusterRunRoutes(deps, once),
    ...vmRoutes(deps, once),
    ...poolRoutes(deps),
    ...poolChangeRoutes(deps, once),
    ...runRoutes(deps),
    ...workflowTypeRoutes(deps),
    ...runActRoutes(deps, once),
    ...runEventRoutes(deps),
    ...eventRoutes(deps),
    ...machineRoutes(deps),
    ...operationRoutes(deps, document),
  ];
}
