import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ApiWorld,
  newServerBody,
  openApiWorld,
  otherKey,
  serversPath,
} from "#test/api-world.ts";
import { createApiKeys } from "./api-keys.ts";
import { createApi } from "./api.ts";
import { batchBodyLimitBytes, defaultBodyLimitBytes } from "./body.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

const runsPath = "/v1/workflows/runs";

describe("the envelope", () => {
  it("carries a request id and the time, in the body and as a header", async () => {
    const { headers, body } = await world.read("GET", runsPath);
    expect(body.meta["requestId"]).toMatch(/^req_local-\d{13}-[0-9a-f]{12}$/);
    expect(headers.get("x-request-id")).toBe(body.meta["requestId"]);
    expect(body.meta["timestamp"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("keeps a well-formed request id of the caller and replaces any other", async () => {
    const given = async (id: string) =>
      (await world.ask("GET", runsPath, { headers: { "x-request-id": id } })).headers.get(
        "x-request-id",
      );
    expect(await given("trace:4.2_x-1")).toBe("trace:4.2_x-1");
    for (const id of ["short", "with space in it", "a".repeat(129), 'quote"quote'])
      expect(await given(id)).toMatch(/^req_local-/);
  });

  it("is on every refusal, with the security headers and never as HTML", async () => {
    const refused: [string, string, number, string][] = [
      ["GET", "/nothing/here", 404, "NOT_FOUND"],
      ["GET", `${runsPath}/`, 404, "NOT_FOUND"],
      ["PUT", runsPath, 405, "METHOD_NOT_ALLOWED"],
      ["GET", `${runsPath}/run_01KAP5ZV9QJ5T1W7R9D0C3M8XH`, 404, "NOT_FOUND"],
      ["GET", `${runsPath}/nonsense`, 404, "NOT_FOUND"],
      ["GET", serversPath.replace("local", "mars"), 404, "NOT_FOUND"],
      ["GET", serversPath.replace("default", "other"), 404, "NOT_FOUND"],
    ];
    for (const [method, path, status, code] of refused) {
      const answer = await world.read(method, path);
      expect([answer.status, answer.body.error.code, path]).toEqual([status, code, path]);
      expect(answer.body.success).toBe(false);
      expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("x-frame-options")).toBe("DENY");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
  });

  it("lists the methods of a path to who tries another one, and to OPTIONS", async () => {
    const tried = await world.ask("DELETE", serversPath);
    expect([tried.status, tried.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, POST"]);
    const asked = await world.ask("OPTIONS", `${serversPath}/srv_x`, { key: null });
    expect([asked.status, asked.headers.get("allow")]).toEqual([
      204,
      "DELETE, GET, HEAD, OPTIONS, PATCH",
    ]);
    expect((await world.ask("OPTIONS", "/nothing")).status).toBe(404);
  });

  it("answers HEAD like GET, without the body", async () => {
    const head = await world.ask("HEAD", runsPath);
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-type")).toContain("application/json");
    expect((await world.ask("HEAD", "/nothing")).status).toBe(404);
  });
});

describe("keys", () => {
  it("are needed, and only for what is not open", async () => {
    for (const key of [null, "mk_unknown-0123456789abcdef", "nonsense", ""]) {
      const answer = await world.read("GET", runsPath, { key });
      expect([answer.status, answer.body.error.code]).toEqual([401, "UNAUTHORIZED"]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
    for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
      expect((await world.ask("GET", path, { key: null })).status).toBe(200);
  });

  it("are checked before what is sent is looked at", async () => {
    const answer = await world.read("POST", serversPath, { key: null, body: "{" });
    expect(answer.status).toBe(401);
  });

  it("of any role but super_admin are refused, whatever they ask for", async () => {
    const key = "mk_viewer-0123456789abcdef";
    await createApiKeys({ db: world.db, ids: world.deps.ids, now: world.deps.now }).ensure({
      name: "viewer",
      key,
      role: "viewer",
    });
    for (const [method, path] of [
      ["GET", runsPath],
      ["POST", serversPath],
      ["GET", "/v1/events"],
    ] as const) {
      const { status, body } = await world.read(method, path, { key });
      expect([status, body.success, body.error.code]).toEqual([403, false, "FORBIDDEN"]);
      expect(body.error.message).toContain("role viewer");
    }
  });

  it("name the caller, who then stands in the run", async () => {
    const { body } = await world.read("POST", serversPath, {
      body: newServerBody(),
      key: otherKey,
    });
    const run = await world.read("GET", `${runsPath}/${String(body.meta["workflowId"])}`);
    expect(run.body.data).toMatchObject({ triggeredBy: "other", source: "atlas" });
  });

  it("take the scheme in any case, and refuse a revoked key once it is forgotten", async () => {
    const { ids, now } = world.deps;
    let time = now();
    const keys = createApiKeys({ db: world.db, ids, now: () => time });
    const key = "mk_to-be-revoked-0123456789";
    await keys.ensure({ name: "leaver", key, role: "viewer" });
    expect(await keys.authenticate(key)).toEqual({ name: "leaver", role: "viewer" });
    await world.db.query("update api_keys set revoked_at = now() where name = 'leaver'");
    time += 60_000;
    expect(await keys.authenticate(key)).toBeNull();
    const headers = { authorization: "bEaReR mk_admin-0123456789abcdef" };
    expect((await world.ask("GET", runsPath, { key: null, headers })).status).toBe(200);
    const stored = await world.db.query("select * from api_keys");
    expect(JSON.stringify(stored)).not.toContain(key);
  });
});

describe("bodies", () => {
  const fieldsOf = async (body: unknown, headers = {}) => {
    const answer = await world.read("POST", serversPath, { body, headers });
    return { status: answer.status, code: answer.body.error.code, ...answer.body.error.details };
  };

  it("are refused field by field, all at once", async () => {
    const answer = await world.read("POST", `${serversPath}?paln=true`, {
      body: {
        ...newServerBody(),
        bmcAddress: "http://10.0.0.5",
        username: 7,
        surprise: 1,
        tls: { mode: "x" },
      },
    });
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.body.error.details.fields).toSorted()).toEqual([
      "bmcAddress",
      "paln",
      "surprise",
      "tls.mode",
      "username",
    ]);
    expect(answer.body.error.details.fields).toMatchObject({
      username: "must be a text",
      surprise: "is not a known field",
      "tls.mode": "must be one of pin, ca, insecure",
    });
    expect(await fieldsOf({})).toMatchObject({ fields: { bmcAddress: "is required" } });
    expect(await fieldsOf([])).toMatchObject({
      status: 400,
      fields: { body: "must be an object" },
    });
    expect(await fieldsOf('{"__proto__":1}')).toMatchObject({ status: 400 });
  });

  it("must be JSON, said to be JSON, in UTF-8, and not deeper than makes sense", async () => {
    const secret = '{"password": "hunter2" oops';
    const answer = await world.read("POST", serversPath, { body: secret });
    expect([answer.status, answer.body.error.code]).toEqual([400, "VALIDATION_ERROR"]);
    expect(JSON.stringify(answer.body)).not.toContain("hunter2");
    expect(JSON.stringify(world.log)).not.toContain("hunter2");

    const { status, code } = await fieldsOf("{}", { "content-type": "text/plain" });
    expect([status, code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    expect((await fieldsOf("{}", { "content-encoding": "gzip" })).status).toBe(415);
    const words = async (headers: Record<string, string>, path = serversPath) =>
      (await world.read("POST", path, { body: "a,b", headers })).body.error.message;
    expect(await words({ "content-type": "text/csv; charset=utf-8" })).toBe(
      "the body is text/csv; this path takes application/json",
    );
    expect(await words({ "content-type": "text/html" }, `${serversPath}/batch`)).toBe(
      "the body is text/html; this path takes application/json or text/csv",
    );
    expect(await words({ "content-encoding": "gzip" })).toBe(
      "the body is compressed (gzip); send it as it is",
    );
    expect((await fieldsOf(`${"[".repeat(200_000)}${"]".repeat(200_000)}`)).status).toBe(400);
    expect(await fieldsOf('{"displayName":"a\\u0000b"}')).toMatchObject({
      fields: { displayName: expect.stringContaining("NUL") as string },
    });
    expect((await fieldsOf('{"displayName":"\\ud800"}')).status).toBe(400);
    const binary = await world.api.app.request(serversPath, {
      method: "POST",
      headers: {
        authorization: "Bearer mk_admin-0123456789abcdef",
        "content-type": "application/json",
      },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(binary.status).toBe(400);
  });

  it("are refused where none is taken, rather than ignored", async () => {
    const path = `${serversPath}/srv_00000000000000000000000001`;
    const remove = (body: unknown, query = "") =>
      world.read("DELETE", `${path}${query}`, { body: body as string });
    const asked = { skipErase: true, reason: "the disks are gone" };
    for (const body of [asked, [], "skipErase=true", "{"]) {
      const answer = await remove(body);
      expect([answer.status, answer.body.error.code]).toEqual([400, "VALIDATION_ERROR"]);
      expect(answer.body.error.details.fields["body"]).toBe(
        "must be empty: skipErase, reason, plan are query parameters",
      );
    }
    const all = await remove(asked, "?paln=true");
    expect(Object.keys(all.body.error.details.fields).toSorted()).toEqual(["body", "paln"]);
    for (const body of ["", " {} ", {}])
      expect((await remove(body)).body.error.details.fields).not.toHaveProperty("body");
    const huge = await remove("x".repeat(defaultBodyLimitBytes + 1));
    expect([huge.status, huge.body.error.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  it("have limits, declared or not", async () => {
    const big = JSON.stringify({ displayName: "x".repeat(defaultBodyLimitBytes) });
    const answer = await world.read("POST", serversPath, { body: big });
    expect([answer.status, answer.body.error.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    const declared = await world.read("POST", serversPath, {
      body: "{}",
      headers: { "content-length": String(defaultBodyLimitBytes + 1) },
    });
    expect(declared.status).toBe(413);
    expect((await world.read("POST", `${serversPath}/batch`, { body: big })).status).toBe(400);
    const huge = "x".repeat(batchBodyLimitBytes + 1);
    expect((await world.read("POST", `${serversPath}/batch`, { body: huge })).status).toBe(413);
  });
});

describe("queries", () => {
  it("are refused by name when unknown, repeated, malformed or out of bounds", async () => {
    const fields = async (query: string) =>
      (await world.read("GET", `${runsPath}?${query}`)).body.error.details.fields;
    expect(await fields("stauts=failed")).toEqual({ stauts: "is not a known field" });
    expect(await fields("status=failed&status=running")).toEqual({ status: "must be given once" });
    expect(await fields("limit=0")).toEqual({ limit: "must be at least 1" });
    expect(await fields("limit=101&page=x")).toEqual({
      limit: "must be at most 100",
      page: "must be a number",
    });
    expect(await fields("since=yesterday")).toEqual({
      since: expect.stringContaining("ISO 8601") as string,
    });
    expect(await fields("type=server.explode")).toHaveProperty("type[0]");
    expect(await fields("resourceId=%00")).toHaveProperty("resourceId");
    expect(await fields("cursor=bm9uc2Vuc2U&page=2")).toHaveProperty("page");
    expect(await fields("cursor=bm9uc2Vuc2U")).toHaveProperty("cursor");
    expect(await fields("page=501&limit=20")).toHaveProperty("page");
    expect(await fields("__proto__=1")).toEqual(JSON.parse('{"__proto__":"is not a known field"}'));
  });
});

describe("faults", () => {
  it("are told without their cause, which is in the log under the request id", async () => {
    const broken = createApi({
      ...world.deps,
      registry: new (await import("prom-client")).Registry(),
      runs: {
        ...world.deps.runs,
        list: async () => {
          throw new TypeError("the secret cause");
        },
        get: async () => {
          throw Object.assign(new Error("terminating connection"), { code: "57P01" });
        },
      },
    });
    const headers = { authorization: "Bearer mk_admin-0123456789abcdef" };
    const response = await broken.app.request(runsPath, { headers });
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toMatchObject([
      500,
      { error: { code: "INTERNAL_ERROR" } },
    ]);
    expect(text).not.toContain("secret cause");
    const line = world.log.find(({ level }) => level === "error");
    expect(line?.fields).toMatchObject({ requestId: response.headers.get("x-request-id") });
    expect(line?.fields["error"]).toMatchObject({ message: "the secret cause" });

    const away = await broken.app.request(`${runsPath}/run_01KAP5ZV9QJ5T1W7R9D0C3M8XH`, {
      headers,
    });
    expect([away.status, away.headers.get("retry-after")]).toEqual([503, "2"]);
  });
});

describe("operations", () => {
  it("say whether the process is ready, and what is wrong when not", async () => {
    expect((await world.read("GET", "/readyz")).body.data).toMatchObject({ status: "ready" });
    world.health.checks = [
      { name: "database", ok: false, message: "no answer within 3000 ms" },
      { name: "engine", ok: true },
    ];
    const { status, body, headers } = await world.read("GET", "/readyz", { key: null });
    world.health.checks = [{ name: "database", ok: true }];
    expect([status, body.error.code]).toEqual([503, "UNAVAILABLE"]);
    expect(body.error.message).toContain("database (no answer within 3000 ms)");
    expect(headers.get("retry-after")).not.toBeNull();
    expect((await world.read("GET", "/healthz")).body.data).toEqual({ status: "alive" });
  });

  it("measure requests by route pattern and status", async () => {
    await world.ask("GET", `${runsPath}/run_01KAP5ZV9QJ5T1W7R9D0C3M8XH`);
    await world.ask("BREW", "/coffee");
    const text = await (await world.ask("GET", "/metrics", { key: null })).text();
    expect(text).toContain(
      'millwright_http_request_seconds_count{method="GET",route="/v1/workflows/runs/{runId}",status="404"}',
    );
    expect(text).toContain('method="other",route="unmatched",status="404"');
    expect(text).not.toContain("coffee");
  });

  it("describe the API for programs and, on one page without anything from elsewhere, for people", async () => {
    const document = (await (await world.ask("GET", "/openapi.json")).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { summary: string; responses: object }>>;
    };
    expect(document.openapi).toBe("3.1.0");
    const response = await world.ask("GET", "/docs");
    expect(response.headers.get("content-type")).toContain("text/html");
    const page = await response.text();
    expect(page).not.toMatch(
      /<script|https?:\/\/(?!www\.apache|images\.example)[^"]*\.(js|css)|src=/,
    );
    for (const [path, item] of Object.entries(document.paths)) {
      expect(page).toContain(path);
      for (const operation of Object.values(item)) expect(operation.summary).not.toBe("");
    }
    for (const code of ["BMC_AUTH_FAILED", "PAST_PIVOT"]) expect(page).toContain(`code-${code}`);
  });
});
