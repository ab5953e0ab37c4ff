import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApiWorld, newServerBody, openApiWorld, serversPath } from "#test/api-world.ts";

/** Whatever is sent, the answer is the envelope, and never a fault of ours. */

let world: ApiWorld;
let serverId: string;
let runId: string;
beforeAll(async () => {
  world = await openApiWorld();
  ({ serverId, runId } = await world.registered());
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
