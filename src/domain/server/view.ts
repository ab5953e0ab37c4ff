import { inOrder } from "#contract/in-order.ts";
import { Server } from "#contract/server.ts";
import { offeredActions } from "./can.ts";
import { hostName } from "#contract/host-name.ts";
import type { StoredServer } from "./row.ts";
import type { Rest } from "./state.ts";
import { heldBy, holder, shownState } from "#domain/at-work.ts";

const instant = (ms: number): string => new Date(ms).toISOString();

/** Where the API serves a server: a path without host, so that it holds behind any proxy. */
export const serverPath = (server: Pick<StoredServer, "id" | "region" | "project">): string =>
  `/v1/regions/${server.region}/projects/${server.project}/infrastructure/servers/${server.id}`;

/** The public server. Secrets' references, the undo's memory and whatever else is ours stay behind. */
export function serverView(server: StoredServer, self: string = serverPath(server)): Server {
  const maintained = maintenanceIn(server.rest);
  return inOrder<Server>(Server, {
    id: server.id,
    region: server.region,
    project: server.project,
    displayName: server.displayName,
    tags: { ...server.tags },
    pool: server.pool,
    allocation: allocationView(server.allocation),
    provisioner: server.provisioner,
    host: server.host === null ? null : { ...server.host, name: hostName(server.id) },
    problems: [...server.problems],
    state: shownState(server),
    power: server.power,
    health: server.health,
    healthReasons: [...server.healthReasons],
    error:
      server.rest.state === "error"
        ? { code: server.rest.code, message: server.rest.message, run: server.rest.run }
        : null,
    actions: [...offeredActions(server)],
    activeRunId: holder(server) ?? heldBy(server),
    bmc: server.bmc,
    uuid: server.uuid,
    serial: server.serial,
    manufacturer: server.manufacturer,
    model: server.model,
    image: server.installed?.image ?? null,
    indicator: server.indicator,
    maintenance:
      maintained === null ? null : { reason: maintained.reason, since: instant(maintained.since) },
    erase: server.erase === null ? null : { ...server.erase, at: instant(server.erase.at) },
    inspectedAt: server.inspectedAt === null ? null : instant(server.inspectedAt),
    createdAt: instant(server.createdAt),
    updatedAt: instant(server.updatedAt),
    links: {
      self,
      inventory: `${self}/inventory`,
      runs: `${self}/runs`,
      events: `${self}/events`,
    },
  });
}

const allocationView = (allocation: StoredServer["allocation"]): Server["allocation"] =>
  allocation === null ? null : { ...allocation, since: instant(allocation.since) };

/** A server in maintenance that a run then broke is still in maintenance once that is mended. */
const maintenanceIn = (rest: Rest): Extract<Rest, { state: "maintenance" }> | null =>
  rest.state === "maintenance" ? rest : rest.state === "error" ? maintenanceIn(rest.before) : null;
