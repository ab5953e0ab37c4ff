import type { OpenAPIHono } from "@hono/zod-openapi";
import { type FailureCode, codes, rowOf } from "#contract/failures.ts";
import type { Route } from "./endpoint.ts";
import { ErrorBody } from "./envelope.ts";

/** The OpenAPI 3.1 document: generated from the endpoints' own schemas, so it cannot say what is not so. */
export type ApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

type PathConfig = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];
type Answers = PathConfig["responses"];

const security = "apiKey";

const tags = [
  {
    name: "Servers",
    description: "Atlas: bare-metal servers, from registration to decommissioning",
  },
  { name: "Clusters", description: "Arc: Kubernetes clusters, built by Cluster API or k0rdent" },
  { name: "Virtual machines", description: "Arc: virtual machines, run by KubeVirt" },
  { name: "Pools", description: "Atlas: groups of servers that clusters draw their machines from" },
  {
    name: "Runs",
    description: "Every change is a run: what it does, what it waits for, and the ways out",
  },
  { name: "Events", description: "The journal: what happened, who did it, in order" },
  {
    name: "Machines",
    description: "What installers and BMCs reach; the address itself is the key",
  },
  { name: "Operations", description: "Health, metrics and this document" },
];

/** What any request may meet, by what the endpoint takes. */
function commonRefusals({ method, access, params, query, body }: Route["endpoint"]): FailureCode[] {
  const refusals: FailureCode[] = ["INTERNAL_ERROR", "UNAVAILABLE"];
  if (access === "key") refusals.push("UNAUTHORIZED", "FORBIDDEN");
  if (params !== undefined || query !== undefined || body !== undefined)
    refusals.push("VALIDATION_ERROR");
  if (body !== undefined) refusals.push("UNSUPPORTED_MEDIA_TYPE");
  if (body !== undefined || method === "delete") refusals.push("PAYLOAD_TOO_LARGE");
  return refusals;
}

function errorAnswers(endpoint: Route["endpoint"]): Answers {
  const all = new Set([...commonRefusals(endpoint), ...(endpoint.refusals ?? [])]);
  const byStatus = Map.groupBy(
    [...all].toSorted((a, b) => rowOf(a).http - rowOf(b).http),
    (code) => rowOf(code).http,
  );
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((code) => `\`${code}\`: ${rowOf(code).title}`).join(" "),
        content: { "application/json": { schema: ErrorBody } },
      },
    ]),
  );
}

const headerObjects = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: "string" as const } },
    ]),
  );

const goodAnswers = (endpoint: Route["endpoint"]): Answers =>
  Object.fromEntries(
    Object.entries(endpoint.answers).map(([status, { description, schema, ...rest }]) => [
      status,
      {
        description,
        ...(rest.headers !== undefined && { headers: headerObjects(rest.headers) }),
        ...((schema !== undefined || rest.mediaType !== undefined) && {
          content: {
            [rest.mediaType ?? "application/json"]: schema === undefined ? {} : { schema },
            ...(rest.streamed === true && {
              "text/event-stream": { schema: { type: "string" as const } },
            }),
          },
        }),
      },
    ]),
  );

const bodyOf = ({ body }: Route["endpoint"]) =>
  body === undefined
    ? {}
    : {
        body: {
          content: {
            "application/json": {
              schema: body.documented ?? body.schema,
              ...(body.example !== undefined && { example: body.example }),
            },
            ...(body.csv !== undefined && {
              "text/csv": { schema: { type: "string" as const } },
            }),
          },
          required: !body.schema.safeParse({}).success,
        },
      };

const operationIdOf = ({ method, path }: Route["endpoint"]): string =>
  `${method}-${path}`
    .replaceAll(/[{}]/g, "")
    .replaceAll(/[^A-Za-z0-9]+(.)/g, (_all, next: string) => next.toUpperCase());

export function registerEndpoint(app: OpenAPIHono, endpoint: Route["endpoint"]): void {
  const { method, path, tag, summary, description, access, params, query, headers } = endpoint;
  app.openAPIRegistry.registerPath({
    method,
    path,
    operationId: operationIdOf(endpoint),
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(access === "key" && { security: [{ [security]: [] }] }),
    ...(headers !== undefined && {
      parameters: Object.entries(headers).map(([name, text]) => ({
        name,
        in: "header" as const,
        required: false,
        description: text,
        schema: { type: "string" as const },
      })),
    }),
    request: {
      ...(params !== undefined && { params }),
      ...(query !== undefined && { query }),
      ...bodyOf(endpoint),
    },
    responses: { ...goodAnswers(endpoint), ...errorAnswers(endpoint) },
  });
}

const introduction = `Millwright runs every change to bare-metal servers as a durable, auditable, undoable workflow.

A request that changes something is answered \`202 Accepted\` at once, with the id of a run in \`meta.workflowId\` and its
address in \`Location\`. The run survives crashes, retries what can be retried, undoes what can be undone, and says what it
waits for and until when.

Every answer has the same envelope: \`{ success, data, meta }\`, or \`{ success: false, error: { code, message, details }, meta }\`.
\`meta.requestId\` is also the header \`X-Request-Id\`; send your own to find a request in the logs. Any change takes
\`Idempotency-Key\` (a repeat gets the first answer again), \`?plan=true\` (what would happen, nothing is done) and
\`Prefer: wait=N\` (hold the answer until the run ends, at most 60 s: then 200 with the resource as the run left it, or the run's error when
it left none).`;

export function createDocument(app: OpenAPIHono, version: string): ApiDocument {
  app.openAPIRegistry.registerComponent("securitySchemes", security, {
    type: "http",
    scheme: "bearer",
    description: "An API key, `mk_…`",
  });
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Millwright",
      version,
      description: introduction,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/", description: "This installation" }],
    tags,
  });
  // For clients that want to know, without a table of their own, whom a code asks to move and what is retried.
  return { ...document, "x-failure-codes": codes };
}
