import { z } from "zod";
import { Inventory, PowerState, Health } from "#contract/inventory.ts";
import { Instant, ServerId } from "#contract/ids.ts";
import { LoggedEvent } from "#contract/logged-event.ts";
import { Run } from "#contract/run.ts";
import { UpdateServerBody } from "#contract/server-requests.ts";
import { Server, ServerLifecycleState } from "#contract/server.ts";
import { Failure } from "#contract/failures.ts";
import type { ServerState } from "#domain/server/state.ts";
import { updated } from "#domain/server/update.ts";
import { listQuery, paginationOf } from "#http/cursor.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { list, single } from "#http/envelope.ts";
import { type Once, idempotencyHeaders } from "#http/once.ts";
import { PlaceParams, ServerParams, placeOf } from "#http/place.ts";
import { Plan } from "#http/plan.ts";
import { onTheList } from "#http/pool-list.ts";
import { PlanQuery, name, paging } from "#http/queries.ts";
import { recordChange } from "#http/record-change.ts";
import { acceptedServer, noServer } from "#http/start-run.ts";
import { type ServerFilter, ServerKey, serverSorts } from "#projections/server-list.ts";
import { eventsPage } from "./events.ts";
import { ResourceRunsQuery, runsPage } from "./runs.ts";

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

const ListQuery = z.strictObject({
  state: ServerLifecycleState.optional(),
  health: Health.optional(),
  power: PowerState.optional(),
  pool: name.optional(),
  tag: z
    .array(TagPattern)
    .max(16)
    .optional()
    .meta({
      description: "`key:value`, or `key` with any value; repeated, all must be there",
      example: ["rack:a12"],
    }),
  sort: z.enum(serverSorts).default("-createdAt"),
  ...paging,
});

const listRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: serversPath,
      tag: "Servers",
      summary: "List servers",
      access: "key",
      params: PlaceParams,
      query: ListQuery,
      answers: { 200: { description: "A page of servers", schema: list(Server) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query }) => {
      const { limit, cursor, page, sort, tag, ...rest } = query;
      const filter = {
        ...placeOf(params, deps.region),
        ...rest,
        ...(tag !== undefined && { tags: tag }),
      } as ServerFilter;
      const paged = { limit, cursor, page };
      const found = await deps.servers.list(listQuery({ filter, sort, page: paged }, ServerKey));
      return {
        status: 200,
        data: found.items,
        meta: { pagination: paginationOf(found, paged, [filter, sort]) },
      };
    },
  );

const getRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: serverPath,
      tag: "Servers",
      summary: "Read a server",
      access: "key",
      params: ServerParams,
      answers: { 200: { description: "The server", schema: single(Server) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params }) => {
      const server = await deps.servers.get(params.serverId, placeOf(params, deps.region));
      if (server === null) throw noServer(params.serverId);
      return { status: 200, data: server };
    },
  );

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

const EventsQuery = z.strictObject({ limit: paging.limit, cursor: paging.cursor });

const eventsRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: `${serverPath}/events`,
      tag: "Servers",
      summary: "Read a server's facts",
      description: "What happened to the server, newest first, each with the run that caused it.",
      access: "key",
      params: ServerParams,
      query: EventsQuery,
      answers: { 200: { description: "A page of facts", schema: list(LoggedEvent) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query }) => {
      const { serverId } = params;
      const [server, page] = await Promise.all([
        deps.servers.stored(serverId, placeOf(params, deps.region)),
        eventsPage(deps, { resource: serverId }, query),
      ]);
      if (server === null) throw noServer(serverId);
      return page;
    },
  );

const runsRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: `${serverPath}/runs`,
      tag: "Servers",
      summary: "List a server's runs",
      access: "key",
      params: ServerParams,
      query: ResourceRunsQuery,
      answers: { 200: { description: "A page of runs, newest first", schema: list(Run) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query }) => {
      const { serverId } = params;
      const [server, page] = await Promise.all([
        deps.servers.stored(serverId, placeOf(params, deps.region)),
        runsPage(deps, { ...query, resourceId: serverId }),
      ]);
      if (server === null) throw noServer(serverId);
      return page;
    },
  );

export const serverRoutes = (deps: ApiDependencies, once: Once): Route[] => [
  listRoute(deps),
  getRoute(deps),
  updateRoute(deps, once),
  inventoryRoute(deps),
  eventsRoute(deps),
  runsRoute(deps),
];
