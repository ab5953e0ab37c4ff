import { connect } from "node:net";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { LoggedEvent } from "#contract/logged-event.ts";
import { createIds } from "#platform/ids.ts";
import { SseClient } from "#test/sse-client.ts";
import { createApi } from "./api.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { type HttpServer, serveApi } from "./serve.ts";

/** What a real port adds: bytes, connections, and how they end. The API behind it has no database. */

const run = "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH";

const event: LoggedEvent = {
  stream: run,
  version: 1,
  position: 1,
  type: "run.started",
  data: {},
  schema: 1,
  actor: "a",
  requestId: null,
  causation: null,
  digest: "",
  occurredAt: "2026-03-02T08:05:00.000Z",
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

let following = 0;
let held = 0;
const deps = {
  engine: { workflows: [], pace: 1 },
  runs: {
    head: async () => ({ version: 1, settled: false }),
    async wait(_run: string, { signal }: { signal: AbortSignal }) {
      held += 1;
      await aborted(signal);
      return { version: 1, settled: false };
    },
    get: async () => null,
  },
  events: {
    async *follow(_filter: object, _after: null, signal: AbortSignal) {
      following += 1;
      try {
        yield { event, cursor: "1.1" };
        await aborted(signal);
      } finally {
        following -= 1;
      }
    },
  },
  auth: async () => ({ name: "caller", role: "super_admin" }),
  region: "local",
  log: () => undefined,
  now: () => Date.now(),
  ids: createIds(() => Date.now()),
  health: async () => [],
  version: "0.0.0",
} as unknown as ApiDependencies;

let server: HttpServer;
beforeEach(async () => {
  held = 0;
  const api = createApi({ ...deps, registry: new Registry() });
  server = await serveApi(api, { host: "127.0.0.1", port: 0, patienceMs: 5_000 });
});
afterEach(() => server.close());

const authorization = "Bearer mk_0123456789abcdef";
const stream = (signal?: AbortSignal): Promise<Response> =>
  fetch(`${server.url}/v1/events`, {
    headers: { authorization, accept: "text/event-stream" },
    ...(signal !== undefined && { signal }),
  });

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What a peer gets that speaks bytes, not HTTP libraries. */
const speak = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let heard = "";
    socket.on("data", (bytes) => (heard += bytes.toString()));
    socket.on("end", () => resolve(heard));
    socket.on("error", reject);
  });

it("serves over a port, with bodies, their limit, and HEAD", async () => {
  const post = (body: string): Promise<Response> =>
    fetch(`${server.url}/v1/workflows/runs/${run}/abandon`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body,
    });
  const empty = await post("{}");
  expect([empty.status, await empty.json()]).toMatchObject([
    400,
    { error: { details: { fields: { reason: "is required" } } } },
  ]);
  const big = await post("x".repeat(2_000_000));
  expect([big.status, await big.json()]).toMatchObject([
    413,
    { error: { code: "PAYLOAD_TOO_LARGE" } },
  ]);
  const head = await fetch(`${server.url}/healthz`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

it.each([
  ["nonsense", "nonsense\r\n\r\n"],
  ["a host that is none", "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"],
  ["a path that is none", "GET /\\..\\x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
])("answers %s with the envelope", async (_what, text) => {
  const heard = await speak(text);
  expect(heard).toMatch(/^HTTP\/1\.1 400 /);
  expect(heard).toContain('"code":"VALIDATION_ERROR"');
});

it("stops following when the client hangs up", async () => {
  const gone = new AbortController();
  const client = new SseClient(await stream(gone.signal));
  expect(await client.next()).toMatchObject({ id: "1.1", event: "run.started" });
  expect(following).toBe(1);
  gone.abort();
  await until(() => following === 0);
});

it("ends streams and answers what is held when it closes, and refuses connections from then on", async () => {
  const client = new SseClient(await stream());
  await client.next();
  const answer = fetch(`${server.url}/v1/workflows/runs/${run}?wait=60`, {
    headers: { authorization },
  });
  await until(() => held === 1);
  const closing = server.close();
  expect((await answer).status).toBe(404);
  expect(await client.next()).toBeNull();
  await closing;
  expect(following).toBe(0);
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
