import { z } from "zod";
import type { KubernetesPlace } from "#contract/cluster.ts";
import { failureCodes, rowOf } from "#contract/failures.ts";
import { RunId } from "#contract/ids.ts";
import {
  RegisterServerBody,
  RegisterServersBody,
  maxBatchServers,
} from "#contract/server-requests.ts";
import { Server } from "#contract/server.ts";
import { registerInput } from "#domain/server/run-inputs.ts";
import { mutationHeaders } from "#http/accepted.ts";
import { batchBodyLimitBytes } from "#http/body.ts";
import { CsvEntry, readServersCsv } from "#http/servers-csv.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Call, type Route, route } from "#http/endpoint.ts";
import { errorOf, single } from "#http/envelope.ts";
import { inOrder } from "#http/in-order.ts";
import { idempotencyHeaders, idempotencyKey, requestText } from "#http/once.ts";
import { configured, placeFor } from "#http/kubernetes-choice.ts";
import { type Place, PlaceParams, placeOf } from "#http/place.ts";
import { Plan } from "#http/plan.ts";
import { refuseUnlisted } from "#http/pool-list.ts";
import { PlanQuery } from "#http/queries.ts";
import { fieldsOf, refusal, sentences } from "#http/refusal.ts";
import { type Door, type Wanted, planRun, startOnce, startRun } from "#http/start-run.ts";
import { failureOf } from "#http/thrown.ts";
import { startAnswers } from "./server-runs.ts";
import { serversPath } from "./servers.ts";

/** Registering servers, one or many. */

const example = {
  bmcAddress: "10.0.0.5",
  username: "root",
  password: "calvin",
  displayName: "db-7",
  tags: { rack: "a12" },
};

async function registration(
  deps: Pick<ApiDependencies, "seal" | "ids" | "pools" | "kubernetes">,
  place: Place,
  body: RegisterServerBody,
): Promise<Wanted> {
  await refuseUnlisted(deps, place, body.pool);
  const { username, password } = body;
  const secret = await deps.seal(JSON.stringify({ username, password }));
  const input = registerInput({
    host: hostPlace(deps.kubernetes, body),
    body,
    serverId: deps.ids.server(),
    credentials: secret.id,
    ...place,
  });
  // No facts of ours, but said: the server is new, so there is nothing to be read before it is written.
  return { workflow: "server.register", input, secrets: [secret], facts: [] };
}

/** Where Metal3's host will be kept; null under redfish. UNAVAILABLE when it would need a management cluster and none is configured. */
const hostPlace = (
  kubernetes: ApiDependencies["kubernetes"],
  { provisioner, managementCluster }: RegisterServerBody,
): KubernetesPlace | null =>
  provisioner === "metal3" ? placeFor(configured(kubernetes), managementCluster) : null;

const registerRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      method: "post",
      path: serversPath,
      tag: "Servers",
      summary: "Register a server",
      description:
        "Reaches the BMC, pins its certificate, identifies the machine, stores the credentials encrypted and, unless told otherwise, inspects it. A machine that is registered already is refused with its id. With `provisioner: metal3` it becomes a BareMetalHost on a management cluster too. With `Prefer: wait`, a registration that failed and left no server is answered with its run's error, whose `details` name the run.",
      access: "key",
      params: PlaceParams,
      query: PlanQuery,
      headers: mutationHeaders,
      body: { schema: RegisterServerBody, example },
      answers: startAnswers,
      refusals: [
        "NOT_FOUND",
        "CONFLICT",
        "IDEMPOTENCY_KEY_REUSED",
        // Of the run, when it was waited for.
        "DUPLICATE_SERVER",
        "RUN_CANCELLED",
        "BMC_CONNECTION_FAILED",
        "BMC_AUTH_FAILED",
        "BMC_CERTIFICATE_CHANGED",
        "BMC_REJECTED",
      ],
    },
    (call) => {
      const place = placeOf(call.params, deps.region);
      return startRun(door, call, { place, wanted: () => registration(deps, place, call.body) });
    },
  );

/** What a batch takes before each entry is checked on its own. */
const LooseBatch = z.strictObject({ servers: z.array(z.unknown()).min(1).max(maxBatchServers) });

const BatchResult = z.object({
  index: z.number().int().nonnegative(),
  status: z.number().int().meta({ description: "What this entry alone would have been answered" }),
  success: z.boolean(),
  data: z.union([Server, Plan]).optional(),
  meta: z
    .object({
      workflowId: RunId,
      estimatedDuration: z
        .number()
        .int()
        .nonnegative()
        .meta({ description: "How long the run should take, in ms" }),
    })
    .optional(),
  error: z
    .object({
      code: z.enum(failureCodes),
      message: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});
type BatchResult = Omit<z.input<typeof BatchResult>, "data" | "meta"> & {
  readonly data?: unknown;
  readonly meta?: unknown;
  readonly replayed?: boolean;
};

const BatchAnswer = z
  .object({
    results: z.array(BatchResult).meta({ description: "In the order of the entries" }),
    accepted: z.number().int().nonnegative(),
    refused: z.number().int().nonnegative(),
  })
  .meta({ id: "BatchAnswer" });

/** One entry, checked by itself; throws what the same request alone would have been refused with. */
function checkEntry(
  given: unknown,
  earlier: Map<string, number>,
  index: number,
): RegisterServerBody {
  const row = given instanceof CsvEntry ? given : null;
  if (row !== null && row.problem !== null) throw refusal({ body: row.problem }, row.line);
  const entry = row === null ? given : row.fields;
  const parsed = RegisterServerBody.safeParse(entry, { error: sentences });
  if (!parsed.success) throw refusal(fieldsOf(parsed.error), row?.line);
  const { bmcAddress } = parsed.data;
  const first = earlier.get(bmcAddress);
  if (first !== undefined)
    throw refusal({ bmcAddress: `is that of servers[${first}] too` }, row?.line);
  earlier.set(bmcAddress, index);
  return parsed.data;
}

const refused = (index: number, thrown: unknown): BatchResult => {
  const failure = failureOf(thrown);
  return { index, status: rowOf(failure.code).http, success: false, error: errorOf(failure) };
};

type BatchCall = Call<Place, z.output<typeof PlanQuery>, z.output<typeof LooseBatch>>;

/** So many entries are under way at once: enough for the journal to commit them in groups. */
const ENTRIES_AT_ONCE = 32;

async function registerAll(
  deps: ApiDependencies,
  door: Door,
  call: BatchCall,
): Promise<BatchResult[]> {
  const place = placeOf(call.params, deps.region);
  const key = idempotencyKey(call.headers);
  const earlier = new Map<string, number>();
  const entries = call.body.servers.map((entry, index) => {
    try {
      return { body: checkEntry(entry, earlier, index) };
    } catch (thrown) {
      return { thrown };
    }
  });
  return inOrder(entries, ENTRIES_AT_ONCE, async (entry, index) => {
    if (entry.body === undefined) return refused(index, entry.thrown);
    const { body } = entry;
    const wanted = () => registration(deps, place, body);
    try {
      if (call.query.plan === true) {
        const data = await planRun(door, call, place, await wanted());
        return { index, status: 200, success: true, data };
      }
      const { answer, replayed } = await startOnce(door, {
        call,
        place,
        wanted,
        // Each entry is accepted by itself, so each has a key of its own: a batch that was cut short can be sent again.
        key: key === null ? null : `${key} ${index}`,
        text: () => requestText(call, body),
      });
      const { status, data, meta } = answer;
      return { index, status, success: true, data, meta, replayed };
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure.code === "INTERNAL_ERROR")
        deps.log("error", "a batch entry failed", {
          requestId: call.requestId,
          index,
          error: failure.cause ?? failure,
        });
      return refused(index, failure);
    }
  });
}

const batchRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      method: "post",
      path: `${serversPath}/batch`,
      tag: "Servers",
      summary: "Register many servers",
      description: `Up to ${maxBatchServers} entries, as JSON or as CSV with the same names as columns (\`tls.mode\`, \`tags.rack\` for fields within fields). Each is accepted or refused by itself.`,
      access: "key",
      params: PlaceParams,
      query: PlanQuery,
      headers: idempotencyHeaders,
      body: {
        schema: LooseBatch,
        documented: RegisterServersBody,
        example: { servers: [example] },
        limitBytes: batchBodyLimitBytes,
        csv: readServersCsv,
      },
      answers: {
        200: { description: "With `plan=true`: what would happen", schema: single(BatchAnswer) },
        207: { description: "A result per entry, in the same order", schema: single(BatchAnswer) },
      },
      refusals: ["NOT_FOUND"],
    },
    async (call) => {
      const all = await registerAll(deps, door, call);
      const results = all.map(({ replayed: _replayed, ...result }) => result);
      const good = results.filter(({ success }) => success).length;
      const isReplay = all.every(({ replayed }) => replayed === true);
      return {
        status: call.query.plan === true ? 200 : 207,
        data: { results, accepted: good, refused: results.length - good },
        ...(isReplay && { headers: { "Idempotency-Replayed": "true" } }),
      };
    },
  );

export const serverRegistrationRoutes = (deps: ApiDependencies, door: Door): Route[] => [
  registerRoute(deps, door),
  batchRoute(deps, door),
];
