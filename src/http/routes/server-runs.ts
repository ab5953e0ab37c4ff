import { z } from "zod";
import type { FailureCode } from "#contract/failures.ts";
import {
  DecommissionServerQuery,
  InspectServerBody,
  ProvisionServerBody,
  ServerLifecycleBody,
} from "#contract/server-requests.ts";
import { Server } from "#contract/server.ts";
import {
  decommissionInput,
  inspectInput,
  lifecycleInput,
  provisionInput,
} from "#domain/server/run-inputs.ts";
import { mutationHeaders } from "#http/accepted.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { accepted, single } from "#http/envelope.ts";
import { ServerParams, placeOf } from "#http/place.ts";
import { Plan } from "#http/plan.ts";
import { PlanQuery, plan } from "#http/queries.ts";
import { type Door, noServer, startRun } from "#http/start-run.ts";
import { serverPath } from "./servers.ts";

/** What is done to a registered server: each starts a run. */

export const startAnswers = {
  200: {
    description:
      "With `Prefer: wait`: the server, once the run has ended; `meta.workflowId` is the run, which says whether it completed. With `plan=true`: the plan",
    schema: single(z.union([Server, Plan])),
  },
  202: {
    description: "Accepted; the server as it now is, and the run in `meta.workflowId`",
    schema: accepted(Server),
    headers: {
      Location: "Where the run is read",
      "Retry-After": "Seconds until a look is worth it",
    },
  },
};

const startRefusals: readonly FailureCode[] = [
  "NOT_FOUND",
  "CONFLICT",
  "INVALID_STATE_TRANSITION",
  "IDEMPOTENCY_KEY_REUSED",
];

const shared = {
  tag: "Servers",
  access: "key",
  params: ServerParams,
  headers: mutationHeaders,
  answers: startAnswers,
  refusals: startRefusals,
} as const;

const inspectRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: `${serverPath}/inspect`,
      summary: "Inspect a server",
      description: "Reads what is in the machine and how it is; differences become facts.",
      query: PlanQuery,
      body: { schema: InspectServerBody },
    },
    (call) =>
      startRun(door, call, {
        place: placeOf(call.params, deps.region),
        wanted: async () => ({
          workflow: "server.inspect",
          input: inspectInput(call.params.serverId),
        }),
      }),
  );

const provisionRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: `${serverPath}/provision`,
      summary: "Install an operating system",
      description:
        "Everything before the pivot is undone when it fails; from there on the disk is being overwritten.",
      query: PlanQuery,
      body: {
        schema: ProvisionServerBody,
        example: { image: { url: "https://images.example/debian-13.iso", format: "iso" } },
      },
    },
    (call) =>
      startRun(door, call, {
        place: placeOf(call.params, deps.region),
        wanted: async () => {
          const { body } = call;
          const seal = async (text: string | undefined) =>
            text === undefined ? null : deps.seal(text);
          const [userData, networkData] = await Promise.all([
            seal(body.userData),
            seal(body.networkData),
          ]);
          return {
            workflow: "server.provision",
            input: provisionInput({
              body,
              serverId: call.params.serverId,
              userData: userData?.id ?? null,
              networkData: networkData?.id ?? null,
            }),
            secrets: [userData, networkData].filter((secret) => secret !== null),
          };
        },
      }),
  );

const lifecycleRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: `${serverPath}/lifecycle`,
      summary: "Power, maintenance and reinstallation",
      description:
        "It reads before it acts: a server that is already as asked is a success that says so.",
      query: PlanQuery,
      body: { schema: ServerLifecycleBody, example: { action: "power-off", force: false } },
    },
    (call) =>
      startRun(door, call, {
        place: placeOf(call.params, deps.region),
        wanted: async () => {
          const { body, params } = call;
          const id = params.serverId;
          // Only a reinstallation needs to know the server here; all others are spared the query.
          const server =
            body.action === "reprovision"
              ? await deps.servers.stored(id, placeOf(params, deps.region))
              : { id, installed: null };
          if (server === null) throw noServer(id);
          return { workflow: "server.lifecycle", input: lifecycleInput({ body, server }) };
        },
      }),
  );

const DeleteQuery = DecommissionServerQuery.safeExtend({ plan });

const decommissionRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "delete",
      path: serverPath,
      summary: "Decommission a server",
      description:
        "Refused while something uses it. Its disks are erased, with proof, unless `skipErase` says otherwise and why; then it is forgotten. `skipErase` and `reason` are query parameters; a body is refused.",
      query: DeleteQuery,
    },
    (call) =>
      startRun(door, call, {
        place: placeOf(call.params, deps.region),
        wanted: async () => ({
          workflow: "server.decommission",
          input: decommissionInput({ query: call.query, serverId: call.params.serverId }),
        }),
      }),
  );

export const serverRunRoutes = (deps: ApiDependencies, door: Door): Route[] => [
  inspectRoute(deps, door),
  provisionRoute(deps, door),
  lifecycleRoute(deps, door),
  decommissionRoute(deps, door),
];
