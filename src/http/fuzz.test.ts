import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type ApiWorld,
  clustersPath,
  newServerBody,
  openApiWorld,
  serversPath,
  vmsPath,
} from "#test/api-world.ts";

/** Whatever is sent, the answer is the envelope, and never a fault of ours. */

let world: ApiWorld;
let serverId: string;
let runId: string;
let clusterId: string;
let vmId: string;

const newClusterBody = (): Record<string, unknown> => ({
  name: "prod",
  kubernetesVersion: "v1.34.2",
  controlPlane: { replicas: 1 },
  nodePools: [{ name: "workers", nodeCount: 1 }],
});
const newVmBody = (): Record<string, unknown> => ({
  name: "build-1",
  cpus: 1,
  memory: "1Gi",
  disks: [{ name: "root", size: "10Gi" }],
});
const madeBy = async (path: string, body: object): Promise<string> => {
  const answer = await world.read("POST", path, { body, headers: { prefer: "wait=30" } });
  return (answer.body.data as { readonly id: string }).id;
};

beforeAll(async () => {
  world = await openApiWorld();
  ({ serverId, runId } = await world.registered());
  clusterId = await madeBy(clustersPath, newClusterBody());
  vmId = await madeBy(vmsPath, newVmBody());
  world.ports.behaviour = "wait";
});
afterAll(() => world.close());

const runs = { numRuns: 150 };

async function expectEnvelope(method: string, path: string, init: RequestInit): Promise<number> {
  const response = await world.ask(method, path, {
    headers: (init.headers ?? {}) as Record<string, string>,
    body: init.body as string | undefined,
  });
  const text = await response.text();
  const what = `${method} ${path} ${String(init.body).slice(0, 300)} -> ${response.status} ${text.slice(0, 300)}`;
  expect(response.status, what).toBeLessThan(500);
  expect(response.headers.get("x-request-id"), what).toMatch(/^[A-Za-z0-9._:-]{8,128}$/);
  if (response.status !== 304 && response.status !== 204 && method !== "HEAD") {
    const body = JSON.parse(text) as { success: boolean; meta: { requestId: string } };
    expect(body.success, what).toBe(response.status < 400);
    expect(body.meta.requestId, what).toBe(response.headers.get("x-request-id"));
  }
  return response.status;
}

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("\0", "\ud800", "__proto__", "constructor", "../..", "%00", "%", "🦊"),
);
const anyJson = fc.oneof(
  fc.jsonValue({ maxDepth: 6 }),
  fc.dictionary(anyText, fc.oneof(anyText, fc.integer(), fc.constant(null))),
);

it("answers any body on any mutation with the envelope", async () => {
  const paths = fc.constantFrom(
    ["POST", serversPath],
    ["POST", `${serversPath}/batch`],
    ["PATCH", `${serversPath}/${serverId}`],
    ["POST", `${serversPath}/${serverId}/inspect`],
    ["POST", `${serversPath}/${serverId}/provision`],
    ["POST", `${serversPath}/${serverId}/lifecycle`],
    ["POST", clustersPath],
    ["PATCH", `${clustersPath}/${clusterId}`],
    ["POST", `${clustersPath}/${clusterId}/scale`],
    ["POST", `${clustersPath}/${clusterId}/upgrade`],
    ["POST", vmsPath],
    ["POST", `${vmsPath}/${vmId}/power`],
    ["DELETE", `${vmsPath}/${vmId}`],
    ["POST", `/v1/workflows/runs/${runId}/cancel`],
    ["POST", `/v1/workflows/runs/${runId}/retry`],
    ["POST", `/v1/workflows/runs/${runId}/abandon`],
    ["POST", `/v1/callbacks/${runId}/${world.callbackToken(runId)}`],
  );
  await fc.assert(
    fc.asyncProperty(paths, anyJson, async ([method = "", path = ""], body) => {
      await expectEnvelope(method, path, { body: JSON.stringify(body) });
    }),
    runs,
  );
});

it("answers a registration with any one field replaced by anything", async () => {
  const fields = fc.constantFrom(
    "bmcAddress",
    "username",
    "password",
    "displayName",
    "tags",
    "pool",
    "tls",
    "provisioner",
    "inspect",
    "onFailure",
    "surprise",
    "__proto__",
  );
  await fc.assert(
    fc.asyncProperty(fields, fc.oneof(anyJson, anyText), async (field, value) => {
      const body = Object.fromEntries([...Object.entries(newServerBody()), [field, value]]);
      await expectEnvelope("POST", serversPath, { body: JSON.stringify(body) });
    }),
    runs,
  );
});

/** Values that are nearly right get further than any. */
const nearly = fc.oneof(
  anyJson,
  anyText,
  fc.constantFrom<unknown>(
    "k0rdent",
    "v1.35.0",
    "v1.34.2",
    "4Gi",
    3,
    -1,
    1e9,
    true,
    "mgmt",
    "edge-",
  ),
  fc.record({ replicas: fc.oneof(fc.integer(), anyText), pool: anyText }, { requiredKeys: [] }),
  fc.array(
    fc.record(
      {
        name: fc.oneof(anyText, fc.constantFrom("workers", "control-plane")),
        nodeCount: fc.oneof(fc.integer(), fc.double(), anyText),
        size: fc.constantFrom("1Gi", "0Gi", "9".repeat(20)),
        image: fc.oneof(anyText, fc.webUrl()),
        boot: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 3 },
  ),
);

it.each([
  ["cluster", clustersPath, newClusterBody, ["driver", "class", "template", "config"]],
  ["virtual machine", vmsPath, newVmBody, ["networks", "userData", "running"]],
] as const)(
  "answers a new %s with any one field replaced by anything",
  async (_, path, body, more) => {
    const names = [...Object.keys(body()), ...more, "protected", "managementCluster", "onFailure"];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names, "__proto__"), nearly, async (field, value) => {
        const sent = Object.fromEntries([...Object.entries(body()), [field, value]]);
        await expectEnvelope("POST", path, { body: JSON.stringify(sent) });
      }),
      runs,
    );
  },
);

it("answers a retry with any input", async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(anyText, fc.jsonValue()), async (input) => {
      const body = JSON.stringify({ input });
      await expectEnvelope("POST", `/v1/workflows/runs/${runId}/retry`, { body });
    }),
    { numRuns: 50 },
  );
});

it("answers any text as a body of any type", async () => {
  const types = fc.constantFrom(
    "application/json",
    "text/csv",
    "text/plain",
    "application/json; charset=utf-8",
    "multipart/form-data",
    "",
    "application/JSON",
    "x",
  );
  await fc.assert(
    fc.asyncProperty(types, anyText, async (type, body) => {
      const headers = { "content-type": type };
      await expectEnvelope("POST", `${serversPath}/batch`, { headers, body });
    }),
    runs,
  );
});

const queryNames = [
  "type",
  "status",
  "resourceType",
  "resourceId",
  "triggeredBy",
  "since",
  "until",
  "attention",
  "retryOf",
  "project",
  "sort",
  "limit",
  "cursor",
  "page",
  "wait",
  "plan",
  "state",
  "health",
  "power",
  "pool",
  "tag",
  "resource",
  "actor",
  "skipErase",
  "keepDisks",
  "driver",
  "name",
  "reason",
];
const queryValues = fc.oneof(
  anyText,
  fc.integer().map(String),
  fc.constantFrom(
    "server.*",
    "*",
    "completed",
    "-createdAt",
    "startedAt",
    "true",
    "0",
    "-1",
    "1e9",
    "NaN",
    "2026-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "rack:a",
  ),
);

it("answers any query on any read with the envelope", async () => {
  const paths = fc.constantFrom(
    "/v1/workflows/runs",
    "/v1/events",
    serversPath,
    "/v1/workflows/types",
    ...["", "/inventory", "/events", "/runs"].map((tail) => `${serversPath}/${serverId}${tail}`),
    `/v1/workflows/runs/${runId}/events`,
    clustersPath,
    `${clustersPath}/versions`,
    vmsPath,
    ...["", "/events", "/runs"].flatMap((tail) => [
      `${clustersPath}/${clusterId}${tail}`,
      `${vmsPath}/${vmId}${tail}`,
    ]),
  );
  const pairs = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...queryNames), anyText), queryValues), {
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(paths, pairs, async (path, query) => {
      const encoded = query.map(
        ([name, value]) =>
          `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
      );
      await expectEnvelope("GET", `${path}?${encoded.join("&")}`, {});
    }),
    { numRuns: 300 },
  );
});

it("answers any path, method and header with the envelope", async () => {
  const segments = fc.array(
    fc.oneof(
      anyText.map((text) => encodeURIComponent(text.toWellFormed())),
      fc.constantFrom("v1", "workflows", "runs", "regions", "local", "%2e%2e", "%zz", runId),
    ),
    { maxLength: 8 },
  );
  const methods = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD");
  const headers = fc.dictionary(
    fc.constantFrom("x-request-id", "if-none-match", "prefer", "idempotency-key", "last-event-id"),
    fc.string({
      unit: fc.constantFrom(
        "a",
        "Z",
        "0",
        "9",
        "-",
        "_",
        ".",
        "=",
        '"',
        ",",
        ";",
        ":",
        " ",
        "/",
        "*",
      ),
    }),
  );
  await fc.assert(
    fc.asyncProperty(methods, segments, headers, async (method, path, given) => {
      await expectEnvelope(method, `/${path.join("/")}`, { headers: given });
    }),
    runs,
  );
});
