import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type ApiWorld,
  eventually,
  newServerBody,
  openApiWorld,
  otherKey,
  serversPath,
} from "#test/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
beforeEach(() => {
  world.ports.behaviour = "end";
});
afterAll(() => world.close());

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly activeRunId: string | null;
  readonly displayName: string | null;
  readonly tags: Record<string, string>;
}

const runOf = (meta: Record<string, unknown>): string => String(meta["workflowId"]);
const ended = (run: string) =>
  eventually(
    async () =>
      (await world.read("GET", `/v1/workflows/runs/${run}`)).body.data as { phase: string },
    ({ phase }) => phase === "ended",
  );

describe("accepted work", () => {
  it("is answered 202 with the resource as it now is, and where its run is", async () => {
    world.ports.behaviour = "wait";
    const { status, headers, body } = await world.read("POST", serversPath, {
      body: { ...newServerBody(), displayName: "db-7", tags: { rack: "a12" } },
    });
    const run = runOf(body.meta);
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/workflows/runs/${run}`);
    expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(body.data).toMatchObject({
      state: "registering",
      displayName: "db-7",
      activeRunId: run,
    });
    expect(body.meta).toMatchObject({ estimatedDuration: expect.any(Number) as number });
    expect(JSON.stringify(body)).not.toContain("a password");
    const read = await world.read("GET", `/v1/workflows/runs/${run}`);
    expect(JSON.stringify(read.body)).not.toContain("a password");
    expect(read.body.data).toMatchObject({
      input: { credentials: expect.stringMatching(/^sec_/) as string },
    });
  });

  it("is held until the run has ended when asked to, and not longer", async () => {
    const done = await world.read("POST", serversPath, {
      body: newServerBody(),
      headers: { prefer: "respond-async, wait=30" },
    });
    expect([done.status, done.headers.get("preference-applied")]).toEqual([200, "wait=30"]);
    expect(done.body.data).toMatchObject({ state: "registered", activeRunId: null });

    world.ports.behaviour = "wait";
    const late = await world.read("POST", serversPath, {
      body: newServerBody(),
      headers: { prefer: "wait=0" },
    });
    expect([late.status, late.headers.get("preference-applied")]).toEqual([202, null]);
  });

  it("never reads as success when the awaited run has left no server", async () => {
    world.ports.behaviour = "fail";
    const asked = () =>
      world.read("POST", serversPath, {
        body,
        headers: { prefer: "wait=30", "idempotency-key": "never-there" },
      });
    const body = newServerBody();
    const failed = await asked();
    expect([failed.status, failed.body.success]).toEqual([500, false]);
    const { details } = failed.body.error as { details: Record<string, unknown> };
    expect(failed.body.error).toMatchObject({
      code: "BMC_REJECTED",
      message: expect.stringContaining("the machine says no") as string,
      details: { step: "act", run: expect.stringMatching(/^run_/) as string },
    });
    const server = await world.read("GET", `${serversPath}/${String(details["serverId"])}`);
    expect(server.status).toBe(404);
    // A repeat is told the same.
    const again = await asked();
    expect([again.status, again.body.error]).toEqual([500, failed.body.error]);

    world.ports.behaviour = "wait";
    const waiting = world.read("POST", serversPath, {
      body: { ...newServerBody(), displayName: "to be cancelled" },
      headers: { prefer: "wait=30" },
    });
    const { id } = await eventually(
      async () => {
        const { body: list } = await world.read("GET", "/v1/workflows/runs?limit=1");
        return (list.data as { id: string; phase: string }[])[0]!;
      },
      ({ phase }) => phase === "waiting",
    );
    await world.read("POST", `/v1/workflows/runs/${id}/cancel`);
    expect(await waiting).toMatchObject({
      status: 409,
      body: { success: false, error: { code: "RUN_CANCELLED", details: { run: id } } },
    });
  });

  it("is refused while another run holds the server, naming it", async () => {
    const { serverId } = await world.registered();
    world.ports.behaviour = "wait";
    const first = await world.read("POST", `${serversPath}/${serverId}/inspect`);
    const second = await world.read("POST", `${serversPath}/${serverId}/lifecycle`, {
      body: { action: "power-on" },
    });
    expect([first.status, second.status, second.body.error.code]).toEqual([202, 409, "CONFLICT"]);
    const holder = runOf(first.body.meta);
    expect(second.body.error.details).toMatchObject({
      activeRunId: holder,
      links: {
        activeRun: `/v1/workflows/runs/${holder}`,
        cancel: `/v1/workflows/runs/${holder}/cancel`,
      },
    });
  });

  it("is refused in a state that does not allow it, saying what would be", async () => {
    const { serverId } = await world.registered();
    const answer = await world.read("POST", `${serversPath}/${serverId}/provision`, {
      body: { image: { url: "https://images.example/debian.iso", format: "iso" } },
    });
    expect([answer.status, answer.body.error.code]).toEqual([409, "INVALID_STATE_TRANSITION"]);
    expect(answer.body.error.details).toMatchObject({ state: "registered" });
    const again = await world.read("POST", `${serversPath}/${serverId}/lifecycle`, {
      body: { action: "reprovision" },
    });
    expect([again.status, again.body.error.code]).toEqual([409, "INVALID_STATE_TRANSITION"]);
  });

  it("is not there for servers that are not", async () => {
    const missing = `${serversPath}/srv_01KAP5ZV9QJ5T1W7R9D0C3M8XH`;
    for (const [method, tail] of [
      ["GET", ""],
      ["PATCH", ""],
      ["POST", "/inspect"],
      ["GET", "/runs"],
      ["GET", "/events"],
      ["GET", "/inventory"],
    ]) {
      const body = method === "PATCH" ? { pool: null } : undefined;
      const answer = await world.read(method ?? "", `${missing}${tail}`, { body });
      expect([answer.status, answer.body.error.code, tail]).toEqual([404, "NOT_FOUND", tail]);
    }
  });

  it("asks for a reason before disks are left unerased", async () => {
    const { serverId } = await world.registered();
    const answer = await world.read("DELETE", `${serversPath}/${serverId}?skipErase=true`);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details.fields).toHaveProperty("reason");
  });
});

describe("plans", () => {
  it("say what would happen, and write nothing", async () => {
    const before = await world.db.query("select count(*)::int as n from events");
    const { status, body } = await world.read("POST", `${serversPath}?plan=true`, {
      body: newServerBody(),
    });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      workflow: "server.register",
      pivot: null,
      refusals: [],
      steps: [
        { name: "connect", undo: "nothing: looking changes nothing" },
        { undo: "undone" },
        {},
      ],
    });
    const { serverId } = await world.registered();
    const after = await world.db.query("select count(*)::int as n from events");
    const refused = await world.read("POST", `${serversPath}/${serverId}/provision?plan=true`, {
      body: { image: { url: "https://images.example/debian.iso", format: "iso" } },
    });
    expect(refused.body.data).toMatchObject({ refusals: [{ code: "INVALID_STATE_TRANSITION" }] });
    const patched = await world.read("PATCH", `${serversPath}/${serverId}?plan=true`, {
      body: { displayName: "x" },
    });
    expect(patched.body.data).toMatchObject({ workflow: null, refusals: [] });
    const again = await world.read("POST", `${serversPath}/${serverId}/lifecycle?plan=true`, {
      body: { action: "reprovision" },
    });
    expect([again.status, again.body.data]).toMatchObject([
      200,
      { workflow: "server.lifecycle", refusals: [{ code: "INVALID_STATE_TRANSITION" }] },
    ]);
    const batch = await world.read("POST", `${serversPath}/batch?plan=true`, {
      body: { servers: [newServerBody(), {}] },
    });
    expect(batch.body.data).toMatchObject({
      accepted: 1,
      refused: 1,
      results: [{ status: 200 }, { status: 400 }],
    });
    expect(await world.db.query("select count(*)::int as n from events")).toEqual(after);
    expect(before).not.toEqual(after);
  });
});

describe("changes without a run", () => {
  it("are refused for a server out of use, and planned as refused", async () => {
    const { serverId } = await world.registered();
    const { state } = await world.engine.record({
      changes: async () => [
        {
          resource: { type: "server", id: serverId },
          facts: () => [{ type: "server.decommissioned", data: { erased: false } }],
        },
      ],
      by: { actor: "tester" },
    });
    expect(state).toMatchObject({ rest: { state: "decommissioned" } });
    const path = `${serversPath}/${serverId}`;
    const body = { displayName: "x" };
    const refused = await world.read("PATCH", path, { body });
    expect([refused.status, refused.body.error.code]).toEqual([409, "INVALID_STATE_TRANSITION"]);
    const plan = await world.read("PATCH", `${path}?plan=true`, { body });
    expect([plan.status, plan.body.data]).toMatchObject([
      200,
      { workflow: null, refusals: [{ code: "INVALID_STATE_TRANSITION" }] },
    ]);
  });

  it("take effect at once and are facts", async () => {
    const { serverId } = await world.registered();
    await world.listPool("gpu");
    const path = `${serversPath}/${serverId}`;
    const answer = await world.read("PATCH", path, {
      body: { displayName: "db-8", tags: { rack: "b1" }, pool: "gpu" },
    });
    expect(answer.status).toBe(200);
    const shown = { displayName: "db-8", tags: { rack: "b1" }, pool: "gpu" };
    expect(answer.body.data).toMatchObject(shown);
    expect((await world.read("GET", path)).body.data).toMatchObject(shown);
    const events = await world.read("GET", `${path}/events?limit=1`);
    expect(events.body.data).toMatchObject([
      { type: "server.updated", actor: "admin", stream: serverId },
    ]);
    expect((await world.read("PATCH", path, { body: {} })).status).toBe(400);
  });

  it("are made once per key, even when something else has changed since", async () => {
    const { serverId } = await world.registered();
    const path = `${serversPath}/${serverId}`;
    const rename = (displayName: string, key?: string) =>
      world.read("PATCH", path, {
        body: { displayName },
        ...(key !== undefined && { headers: { "idempotency-key": key } }),
      });
    await rename("first", "patch-1");
    await rename("second");
    const again = await rename("first", "patch-1");
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.body.data).toMatchObject({ displayName: "first" });
    expect((await world.read("GET", path)).body.data).toMatchObject({ displayName: "second" });
  });
});

describe("idempotency keys", () => {
  const keyed = (key: string, body: unknown, options: { key?: string; path?: string } = {}) =>
    world.read("POST", options.path ?? serversPath, {
      body,
      headers: { "idempotency-key": key },
      ...(options.key !== undefined && { key: options.key }),
    });

  it("make a repeat get the first answer again, however it is written", async () => {
    const body = newServerBody();
    const first = await keyed("k-1", body);
    const again = await keyed("k-1", Object.fromEntries(Object.entries(body).toReversed()));
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.headers.get("location")).toBe(first.headers.get("location"));
    expect(again.body.data).toEqual(first.body.data);
    expect(again.body.meta["requestId"]).not.toBe(first.body.meta["requestId"]);
    await ended(runOf(first.body.meta));
    expect((await keyed("k-1", body)).body.data).toEqual(first.body.data);
  });

  it("refuse another request under the same key, but not another caller's", async () => {
    await keyed("k-2", newServerBody());
    const other = await keyed("k-2", newServerBody());
    expect([other.status, other.body.error.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    expect((await keyed("k-2", newServerBody(), { key: otherKey })).status).toBe(202);
    const malformed = await keyed("with space", newServerBody());
    expect(malformed.body.error.details.fields).toHaveProperty("Idempotency-Key");
  });

  it("make many at once have one effect", async () => {
    const body = newServerBody();
    const answers = await Promise.all(Array.from({ length: 8 }, () => keyed("k-3", body)));
    const runs = new Set(
      answers.filter((each) => each.status === 202).map((each) => runOf(each.body.meta)),
    );
    expect(runs.size).toBe(1);
    expect(answers.every(({ status }) => status === 202 || status === 409)).toBe(true);
    const found = await world.db.query("select id from servers where bmc_address = $1", [
      `https://${String(body["bmcAddress"])}`,
    ]);
    expect(found).toHaveLength(1);
  });

  it("hold for acts on a server whose state has since moved on", async () => {
    const { serverId } = await world.registered();
    world.ports.behaviour = "wait";
    const path = `${serversPath}/${serverId}/inspect`;
    const first = await keyed("k-4", {}, { path });
    const again = await keyed("k-4", {}, { path });
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(runOf(again.body.meta)).toBe(runOf(first.body.meta));
  });

  it("do not remember a refusal: the same request may succeed later", async () => {
    const { serverId } = await world.registered();
    world.ports.behaviour = "wait";
    const busy = await world.read("POST", `${serversPath}/${serverId}/inspect`);
    const path = `${serversPath}/${serverId}/lifecycle`;
    const body = { action: "power-on" };
    expect((await keyed("k-5", body, { path })).status).toBe(409);
    await world.engine.signal(runOf(busy.body.meta), "installer", {});
    await ended(runOf(busy.body.meta));
    const later = await keyed("k-5", body, { path });
    expect([later.status, later.headers.get("idempotency-replayed")]).toEqual([202, null]);
  });
});

describe("batches", () => {
  interface Results {
    readonly results: {
      index: number;
      status: number;
      success: boolean;
      data?: Shown;
      error?: { details: { fields: object } };
    }[];
    readonly accepted: number;
    readonly refused: number;
  }
  const batch = (body: unknown, headers = {}) =>
    world.read("POST", `${serversPath}/batch`, { body, headers });

  it("answer each entry like a single request, in order", async () => {
    const twice = newServerBody();
    const { status, body } = await batch({
      servers: [newServerBody(), { ...newServerBody(), password: "" }, twice, twice, 7],
    });
    const { results, accepted, refused } = body.data as Results;
    expect(status).toBe(207);
    expect(results.map((each) => [each.index, each.status])).toEqual([
      [0, 202],
      [1, 400],
      [2, 202],
      [3, 400],
      [4, 400],
    ]);
    expect([accepted, refused]).toEqual([2, 3]);
    expect(results[1]?.error?.details.fields).toHaveProperty("password");
    expect(results[3]?.error?.details.fields).toEqual({ bmcAddress: "is that of servers[2] too" });
    expect(results[0]).toMatchObject({
      success: true,
      meta: { workflowId: expect.stringMatching(/^run_/) as string },
    });
  });

  it("take CSV with the same names as columns", async () => {
    const csv = [
      "\uFEFFbmcAddress,username,password,displayName,tags,tls.mode,inspect",
      'csv-1.example,root,"pass,""word""",db 1,rack:a12;row:3,insecure,false',
      "csv-2.example,root",
      "csv-3.example,root,secret,,,,maybe",
    ].join("\r\n");
    const { status, body } = await batch(csv, { "content-type": "text/csv" });
    const { results } = body.data as Results;
    expect([status, results.map((each) => each.status)]).toEqual([207, [202, 400, 400]]);
    expect(results[0]?.data).toMatchObject({
      displayName: "db 1",
      tags: { rack: "a12", row: "3" },
      bmc: { tls: { mode: "insecure" } },
    });
    expect(results[2]?.error?.details.fields).toHaveProperty("inspect");
    const messages = (body.data as { results: { error?: { message: string } }[] }).results.map(
      ({ error }) => error?.message,
    );
    expect(messages[1]).toMatch(/^line 3 is not valid: body must have 7 cells/);
    expect(messages[2]).toMatch(/^line 4 is not valid: /);
    for (const nothing of ["", "\n\n", "bmcAddress,username,password\n"]) {
      const empty = await batch(nothing, { "content-type": "text/csv" });
      expect([empty.status, empty.body.error.message]).toEqual([
        400,
        "the request is not valid: body has no rows: the first line names the columns, every further line is a server",
      ]);
    }
    const unknown = await batch("bmcAddress,colour\nx,red\n", { "content-type": "text/csv" });
    expect(unknown.body.error.details.fields).toEqual({ colour: "is not a known column" });
  });

  it("take up to 500 entries", async () => {
    const none = await batch({ servers: [] });
    const many = await batch({ servers: Array.from({ length: 501 }, () => ({})) });
    expect([none.status, many.status]).toEqual([400, 400]);
    expect(many.body.error.details.fields).toEqual({ servers: "must have at most 500 entries" });
  });

  it("may be sent again: entries that were accepted are not accepted twice", async () => {
    const servers = [newServerBody(), newServerBody()];
    const headers = { "idempotency-key": "batch-1" };
    const first = await batch({ servers: servers.slice(0, 1) }, headers);
    const whole = await batch({ servers }, headers);
    const again = await batch({ servers }, headers);
    const ids = (answer: typeof first) =>
      (answer.body.data as Results).results.map((each) => each.data?.id);
    expect(ids(whole)[0]).toBe(ids(first)[0]);
    expect(ids(again)).toEqual(ids(whole));
    expect(whole.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
  });
});

describe("reading servers", () => {
  it("lists by state, health, power, pool and tags, page by page", async () => {
    const wanted: string[] = [];
    await world.listPool("zoo");
    for (const rack of ["z1", "z1", "z2"]) {
      const { serverId } = await world.registered();
      await world.read("PATCH", `${serversPath}/${serverId}`, {
        body: { tags: { zone: rack }, pool: "zoo" },
      });
      wanted.unshift(serverId);
    }
    const ids = async (query: string) =>
      ((await world.read("GET", `${serversPath}?${query}`)).body.data as Shown[]).map(
        ({ id }) => id,
      );
    expect(await ids("pool=zoo")).toEqual(wanted);
    expect(await ids("pool=zoo&sort=createdAt")).toEqual(wanted.toReversed());
    expect(await ids("tag=zone:z1")).toEqual(wanted.slice(1));
    expect(await ids("tag=zone&tag=zone:z2")).toEqual(wanted.slice(0, 1));
    expect(await ids("pool=zoo&state=registered&power=unknown&health=unknown")).toEqual(wanted);
    expect(await ids("pool=zoo&state=ready")).toEqual([]);

    const first = await world.read("GET", `${serversPath}?pool=zoo&limit=2`);
    expect(first.body.meta["pagination"]).toMatchObject({
      total: 3,
      page: 1,
      pageSize: 2,
      hasMore: true,
    });
    const { nextCursor } = first.body.meta["pagination"] as { nextCursor: string };
    const second = await world.read("GET", `${serversPath}?pool=zoo&limit=2&cursor=${nextCursor}`);
    expect(second.body.data).toMatchObject([{ id: wanted[2] }]);
    expect(second.body.meta["pagination"]).toMatchObject({
      page: null,
      hasMore: false,
      nextCursor: null,
    });
    expect(await ids("pool=zoo&limit=2&page=2")).toEqual(wanted.slice(2));
    expect((await world.read("GET", `${serversPath}?pool=other&cursor=${nextCursor}`)).status).toBe(
      400,
    );
  });

  it("shows a server's runs, and its inventory once there is one", async () => {
    const { serverId, runId } = await world.registered();
    const path = `${serversPath}/${serverId}`;
    const runs = await world.read("GET", `${path}/runs`);
    expect(runs.body.data).toMatchObject([{ id: runId, type: "server.register" }]);
    expect((runs.body.data as object[])[0]).not.toHaveProperty("input");
    expect((await world.read("GET", `${path}/inventory`)).body.error.message).toContain(
      "not been inspected",
    );
    await world.db.query("update servers set inventory = $2 where id = $1", [
      serverId,
      '{"memory":[]}',
    ]);
    expect((await world.read("GET", `${path}/inventory`)).body.data).toMatchObject({
      serverId,
      memory: [],
    });
  });
});
