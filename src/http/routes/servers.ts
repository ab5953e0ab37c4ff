import { z } from "zod";
import { Inventory, PowerState, Health } from "#contract/inventory.ts";
import { Instant, ServerId } from "#contract/ids.ts";
import { UpdateServerBody } from "#contract/server-requests.ts";
import { Server, ServerLifecycleState } from "#contract/server.ts";
import { Failure } from "#contract/failures.ts";
import type { ServerState } from "#domain/server/state.ts";
import { updated } from "#domain/server/update.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { single } from "#http/envelope.ts";
import { type Once, idempotencyHeaders } from "#http/once.ts";
import { ServerParams, placeOf } from "#http/place.ts";
import { Plan } from "#http/plan.ts";
import { onTheList } from "#http/pool-list.ts";
import { PlanQuery, name } from "#http/queries.ts";
import { recordChange } from "#http/record-change.ts";
import { acceptedServer, noServer } from "#http/start-run.ts";
import { ServerKey, serverSorts } from "#projections/server-list.ts";
import { eventsRoute, runsRoute } from "./history.ts";
import { listRoute, readRoute } from "./reading.ts";

/** Reading servers, and changing what needs no run. */

export const serversPath = "/v1/regions/{region}/projects/{project}/infrastructure/servers";
export const serverPath = `${serversPath}/{serverId}`;

const TagPattern = z
  .string()
  .min(1)
  .max(320)
  .transform((text) => {
    const colon = text.indexOf(":");
    return colon === -1
      ? { key: text, value: null }
      : { key: text.slice(0, colon), value: text.slice(colon + 1) };
  });

const shown = {
  type: "server",
  noun: "server",
  tag: "Servers",
  path: serverPath,
  params: ServerParams,
  idOf: ({ serverId }: z.output<typeof ServerParams>) => serverId,
  schema: Server,
} as const;

const listed = {
  ...shown,
  path: serversPath,
  filters: {
    state: ServerLifecycleState.optional(),
    health: Health.optional(),
    power: PowerState.optional(),
    pool: name.optional().meta({
      description:
        "Name of a pool, with a list or a selector; of one that is not there nothing is found",
    }),
    tag: z
      .array(TagPattern)
      .max(16)
      .optional()
      .meta({
        description: "`key:value`, or `key` with any value; repeated, all must be there",
        example: ["rack:a12"],
      }),
  },
  sorts: serverSorts,
  key: ServerKey,
} as const;

const updateRoute = (deps: ApiDependencies, once: Once): Route =>
  route(
    {
      method: "patch",
      path: serverPath,
      tag: "Servers",
      summary: "Change a server's name, tags or pool",
      description:
        "Takes effect at once, without a run. `tags` replaces all tags. `pool` names a pool with a list; a server that a cluster has stays where it is.",
      access: "key",
      params: ServerParams,
      query: PlanQuery,
      headers: idempotencyHeaders,
      body: { schema: UpdateServerBody, example: { displayName: "db-7", tags: { rack: "a12" } } },
      answers: {
        200: { description: "The server as it now is", schema: single(z.union([Server, Plan])) },
      },
      refusals: ["NOT_FOUND", "CONFLICT", "INVALID_STATE_TRANSITION", "IDEMPOTENCY_KEY_REUSED"],
    },
    async (call) => {
      const { serverId } = call.params;
      const place = placeOf(call.params, deps.region);
      return recordChange<unknown>({ deps, once }, call, {
        changes: async () => {
          if ((await deps.servers.stored(serverId, place)) === null) throw noServer(serverId);
          const facts = (state: unknown) =>
            updated(state as ServerState | null, serverId, call.body);
          return {
            changes: [
              { resource: { type: "server", id: serverId }, facts },
              ...(await onTheList(deps, place, call.body.pool)),
            ],
            seen: null,
          };
        },
        answer: (state) => ({ status: 200, headers: {}, data: acceptedServer(state), meta: {} }),
      });
    },
  );

const ServerInventory = Inventory.extend({
  serverId: ServerId,
  inspectedAt: Instant.nullable(),
}).meta({
  id: "ServerInventory",
});

const inventoryRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: `${serverPath}/inventory`,
      tag: "Servers",
      summary: "Read what the last inspection found",
      description: "404 until the server has been inspected.",
      access: "key",
      params: ServerParams,
      answers: { 200: { description: "The inventory", schema: single(ServerInventory) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params }) => {
      const { serverId } = params;
      const found = await deps.servers.inventory(serverId, placeOf(params, deps.region));
      if (found === null) throw noServer(serverId);
      const { inventory, server } = found;
      if (inventory === null)
        throw new Failure("NOT_FOUND", `server ${serverId} has not been inspected yet`, {
          details: { serverId, inspectedAt: null },
        });
      return { status: 200, data: { serverId, inspectedAt: server.inspectedAt, ...inventory } };
    },
  );

export function serverRoutes(deps: ApiDependencies, once: Once): Route[] {
  const kind = { ...deps.servers, ...shown };
  return [
    listRoute(deps, { ...listed, reader: deps.servers }),
    readRoute(deps, kind),
    updateRoute(deps, once),
    inventoryRoute(deps),
    eventsRoute(deps, kind),
    runsRoute(deps, kind),
  ];
}
