import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Run } from "#contract/run.ts";
import { Run as RunSchema } from "#contract/run.ts";
import {
  type ApiWorld,
  eventually,
  newServerBody,
  openApiWorld,
  otherKey,
  serversPath,
} from "#test/api-world.ts";
import { SseClient } from "#test/sse-client.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld({ heartbeatMs: 30 });
});
beforeEach(() => {
  world.ports.behaviour = "end";
});
afterAll(() => world.close());

const runsPath = "/v1/workflows/runs";
const read = async (id: string): Promise<Run> =>
  (await world.read("GET", `${runsPath}/${id}`)).body.data as Run;
const until = (id: string, wanted: (run: Run) => boolean): Promise<Run> =>
  eventually(() => read(id), wanted);
const go = (id: string) => world.engine.signal(id, "installer", { status: "installed" });

/** A registration whose step waits; the run's id once it does. */
async function waitingRun(): Promise<string> {
  world.ports.behaviour = "wait";
  const { body } = await world.read("POST", serversPath, { body: newServerBody() });
  const id = String(body.meta["workflowId"]);
  await until(id, ({ phase }) => phase === "waiting");
  return id;
}

async function failedRun(): Promise<string> {
  world.ports.behaviour = "fail";
  const { body } = await world.read("POST", serversPath, { body: newServerBody() });
  const id = String(body.meta["workflowId"]);
  await until(id, ({ phase }) => phase === "ended");
  world.ports.behaviour = "end";
  return id;
}

const versionOf = (response: { headers: Headers }): number =>
  Number(/\d+/.exec(response.headers.get("etag") ?? "")?.[0]);

/** An inspection that failed; it leaves the server as it was, so it can be tried again. */
async function failedInspection(): Promise<string> {
  const { serverId } = await world.registered();
  world.ports.behaviour = "fail";
  const { body } = await world.read("POST", `${serversPath}/${serverId}/inspect`);
  const id = String(body.meta["workflowId"]);
  await until(id, ({ phase }) => phase === "ended");
  world.ports.behaviour = "end";
  return id;
}

describe("a run", () => {
  it("is shown as the contract says, waiting with its reason, then ended", async () => {
    const id = await waitingRun();
    const waiting = RunSchema.parse(await read(id));
    expect(waiting).toMatchObject({
      status: "running",
      phase: "waiting",
      waiting: { reason: "the test has not said go", wakesOn: "the installer's call-back" },
      progress: { step: "act", completed: 1, total: 3 },
      engine: { name: "embedded" },
      links: { self: `${runsPath}/${id}`, events: `${runsPath}/${id}/events` },
    });
    expect((await world.ask("GET", waiting.links.resource)).status).toBe(200);
    await go(id);
    const done = RunSchema.parse(await until(id, ({ phase }) => phase === "ended"));
    expect(done).toMatchObject({ status: "completed", progress: { percent: 100 }, waiting: null });
  });

  it("is not found, whether its id could be one or not", async () => {
    for (const id of ["run_00000000000000000000000000", "run_nope", "nope"]) {
      const answer = await world.read("GET", `${runsPath}/${id}`);
      expect([answer.status, answer.body.error.code]).toEqual([404, "NOT_FOUND"]);
    }
  });

  it("tells its failure and whether the same may succeed later", async () => {
    expect(await read(await failedRun())).toMatchObject({
      status: "failed",
      cleanup: "complete",
      error: { code: "BMC_REJECTED", step: "act", retryable: false },
      steps: [{ status: "completed" }, { status: "failed", undo: "undone" }, { status: "skipped" }],
    });
  });

  it("has an ETag that stays while nothing is to be told and changes with it", async () => {
    const id = await waitingRun();
    await go(id);
    await until(id, ({ phase }) => phase === "ended");
    const first = await world.ask("GET", `${runsPath}/${id}`);
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^W\/"\d+"$/);
    for (const tag of [etag, `"x", ${etag}`, "*", etag.replace("W/", "")]) {
      const same = await world.ask("GET", `${runsPath}/${id}`, {
        headers: { "if-none-match": tag },
      });
      expect([same.status, await same.text()]).toEqual([304, ""]);
      expect(same.headers.get("etag")).toBe(etag);
    }
    const other = await world.ask("GET", `${runsPath}/${id}`, {
      headers: { "if-none-match": 'W/"1"' },
    });
    expect(other.status).toBe(200);
  });

  it("answers a long poll with the change, or unchanged when the time is over", async () => {
    const id = await waitingRun();
    const now = await world.ask("GET", `${runsPath}/${id}`);
    const etag = now.headers.get("etag") ?? "";
    const version = versionOf(now);
    const held = world.read("GET", `${runsPath}/${id}?wait=30`, {
      headers: { "if-none-match": etag },
    });
    await go(id);
    const changed = await held;
    expect(changed.status).toBe(200);
    expect(Number(/\d+/.exec(changed.headers.get("etag") ?? "")?.[0])).toBeGreaterThan(version);
    await until(id, ({ phase }) => phase === "ended");
    // What the caller knows is old, or the run has ended: nothing to wait for.
    const behind = await world.ask("GET", `${runsPath}/${id}?wait=60`, {
      headers: { "if-none-match": etag },
    });
    expect(behind.status).toBe(200);
    expect((await world.ask("GET", `${runsPath}/${id}?wait=60`)).status).toBe(200);
    const missing = await world.ask("GET", `${runsPath}/run_01KAP5ZV9QJ5T1W7R9D0C3M8XH?wait=60`);
    expect(missing.status).toBe(404);

    const still = await waitingRun();
    const before = versionOf(await world.ask("GET", `${runsPath}/${still}`));
    const later = await world.ask("GET", `${runsPath}/${still}?wait=1`);
    expect([later.status, versionOf(later)]).toEqual([200, before]);
  });
});

describe("acts", () => {
  it("cancel a run, and say who and why", async () => {
    const id = await waitingRun();
    const { status, headers, body } = await world.read("POST", `${runsPath}/${id}/cancel`, {
      body: { reason: "wrong rack" },
      key: otherKey,
    });
    expect([status, headers.get("location")]).toEqual([202, `${runsPath}/${id}`]);
    expect(body.data).toMatchObject({ id });
    expect(body.meta).toMatchObject({ workflowId: id });
    await until(id, (run) => run.status === "cancelled" && run.phase === "ended");
    const events = await world.read("GET", `${runsPath}/${id}/events`);
    expect(events.body.data).toContainEqual(
      expect.objectContaining({
        type: "run.cancel_requested",
        actor: "other",
        data: { reason: "wrong rack" },
        requestId: body.meta["requestId"],
      }),
    );
    const again = await world.read("POST", `${runsPath}/${id}/cancel`);
    expect([again.status, again.body.error.code]).toEqual([409, "INVALID_STATE_TRANSITION"]);
  });

  it("can be held until the run has ended, and take the body or none", async () => {
    const id = await waitingRun();
    const held = await world.read("POST", `${runsPath}/${id}/cancel`, {
      headers: { prefer: "wait=30" },
    });
    expect([held.status, (held.body.data as Run).status]).toEqual([200, "cancelled"]);
    const refused = await world.read("POST", `${runsPath}/${id}/cancel`, { body: { why: "x" } });
    expect(refused.body.error.details.fields).toEqual({ why: "is not a known field" });
  });

  it("pause and resume", async () => {
    const id = await waitingRun();
    expect((await world.read("POST", `${runsPath}/${id}/pause`)).body.data).toMatchObject({
      phase: "paused",
    });
    expect((await world.read("POST", `${runsPath}/${id}/resume`)).status).toBe(202);
    await go(id);
    await until(id, (run) => run.status === "completed");
  });

  it("retry a failed run as a new one, and replay that answer", async () => {
    const id = await failedInspection();
    const path = `${runsPath}/${id}/retry`;
    const headers = { "idempotency-key": "retry-1" };
    const first = await world.read("POST", path, { body: {}, headers });
    const retried = String(first.body.meta["workflowId"]);
    expect(first.status).toBe(202);
    expect(first.body.data).toMatchObject({ id: retried, retryOf: id });
    const again = await world.read("POST", path, { body: {}, headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.body.meta["workflowId"]).toBe(retried);
    expect((await read(id)).retriedBy).toBe(retried);
    const unknown = await world.read("POST", `${runsPath}/${await failedRun()}/retry`, {
      body: { fromStep: "nowhere" },
    });
    expect([unknown.status, unknown.body.error.code]).toEqual([400, "VALIDATION_ERROR"]);
  });

  it("can be planned", async () => {
    const id = await waitingRun();
    const plan = await world.read("POST", `${runsPath}/${id}/cancel?plan=true`);
    expect([plan.status, plan.body.data]).toMatchObject([
      200,
      { refusals: [], workflow: "server.register" },
    ]);
    const run = await read(id);
    expect(run.status).toBe("running");
    const names = (data: unknown) =>
      (data as { steps: readonly { name: string }[] }).steps.map(({ name }) => name);
    // What has not begun need not be taken back, and what is done does not run again.
    const begun = run.steps.filter(({ status }) => status !== "pending");
    for (const name of names(plan.body.data)) expect(names({ steps: begun })).toContain(name);
    const pause = await world.read("POST", `${runsPath}/${id}/pause?plan=true`);
    expect(names(pause.body.data)).toEqual(
      names({ steps: run.steps.filter(({ status }) => status !== "completed") }),
    );
    const abandon = await world.read("POST", `${runsPath}/${id}/abandon?plan=true`, {
      body: { reason: "x" },
    });
    expect(abandon.body.data).toMatchObject({
      steps: [],
      estimatedDurationMs: 0,
      refusals: [{ code: "INVALID_STATE_TRANSITION" }],
    });
    const planned = (run: string, body = {}) =>
      world.read("POST", `${runsPath}/${run}/retry?plan=true`, { body });
    const early = await planned(id);
    expect([early.status, early.body.data]).toMatchObject([
      200,
      {
        workflow: "server.register",
        steps: [],
        refusals: [{ code: "INVALID_STATE_TRANSITION", details: { status: "running" } }],
      },
    ]);
    const failed = await failedRun();
    expect((await planned(failed)).body.data).toMatchObject({ refusals: [] });
    expect((await planned(failed, { fromStep: "nowhere" })).status).toBe(400);
    const late = await planned(failed, { fromStep: "create-record" });
    expect(late.body.data).toMatchObject({ refusals: [{ details: { earliestStep: "act" } }] });
    await world.read("POST", `${runsPath}/${failed}/retry`);
    expect((await planned(failed)).body.data).toMatchObject({
      refusals: [{ code: "INVALID_STATE_TRANSITION" }],
    });
  });

  it("need a reason to abandon, and a run to act on", async () => {
    const id = await failedRun();
    const answer = await world.read("POST", `${runsPath}/${id}/abandon`);
    expect(answer.body.error.details.fields).toEqual({ reason: "is required" });
    const missing = `${runsPath}/run_01KAP5ZV9QJ5T1W7R9D0C3M8XH`;
    for (const act of ["cancel", "pause", "resume", "undo", "abandon", "retry"]) {
      const { status, body } = await world.read("POST", `${missing}/${act}`, {
        body: { reason: "x" },
      });
      expect([act, status, body.error.code]).toEqual([act, 404, "NOT_FOUND"]);
    }
  });
});

describe("a run's events", () => {
  it("come oldest first, page by page", async () => {
    const id = await failedRun();
    const all = (await world.read("GET", `${runsPath}/${id}/events?limit=100`)).body;
    const versions = (all.data as { version: number }[]).map(({ version }) => version);
    expect(versions).toEqual(versions.map((_, index) => index + 1));
    const first = await world.read("GET", `${runsPath}/${id}/events?limit=3`);
    const { total, nextCursor } = first.body.meta["pagination"] as {
      total: number;
      nextCursor: string;
    };
    expect(total).toBe(versions.length);
    const second = await world.read("GET", `${runsPath}/${id}/events?limit=3&cursor=${nextCursor}`);
    expect(second.body.data).toMatchObject([{ version: 4 }, { version: 5 }, { version: 6 }]);
    const elsewhere = await failedRun();
    expect(
      (await world.ask("GET", `${runsPath}/${elsewhere}/events?cursor=${nextCursor}`)).status,
    ).toBe(400);
    expect(
      (await world.ask("GET", `${runsPath}/run_01KAP5ZV9QJ5T1W7R9D0C3M8XH/events`)).status,
    ).toBe(404);
  });

  const stream = async (id: string, headers = {}): Promise<SseClient> => {
    const response = await world.ask("GET", `${runsPath}/${id}/events`, {
      headers: { accept: "text/event-stream", ...headers },
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    return new SseClient(response);
  };

  it("are streamed live, with heartbeats, until the run has ended", async () => {
    const id = await waitingRun();
    const client = await stream(id);
    const before = await client.until("step.waiting");
    expect(before.map(({ id: version }) => Number(version))).toEqual(
      before.map((_, index) => index + 1),
    );
    expect(before[0]).toMatchObject({ event: "run.requested", data: { stream: id, version: 1 } });
    expect(await client.next()).toMatchObject({ comment: "still here" });
    await go(id);
    const after = await client.until(null);
    expect(after.at(-1)?.event).toBe("run.completed");

    const resumed = await stream(id, { "last-event-id": String(before.length) });
    expect((await resumed.until(null)).map((message) => message.id)).toEqual(
      after.map((message) => message.id),
    );
  });

  it("stream past a failure until what started is undone", async () => {
    const client = await stream(await failedRun());
    const types = (await client.until(null)).map(({ event }) => event);
    expect(types).toContain("undo.completed");
    expect(types.at(-1)).toBe("run.failed");
  });

  it("refuse to resume at what is no version", async () => {
    const id = await failedRun();
    const headers = { accept: "text/event-stream", "last-event-id": "nonsense" };
    expect((await world.ask("GET", `${runsPath}/${id}/events`, { headers })).status).toBe(400);
    const head = await world.ask("HEAD", `${runsPath}/${id}/events`, {
      headers: { accept: "text/event-stream" },
    });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
});

describe("workflow types", () => {
  it("say their steps, their undo, their pivot and their input", async () => {
    const { body } = await world.read("GET", "/v1/workflows/types");
    const provision = (body.data as { type: string }[]).find(
      ({ type }) => type === "server.provision",
    );
    expect(provision).toMatchObject({
      version: 1,
      pivot: { beforeStep: "act", reason: "the installer overwrites the disk" },
      steps: [
        {
          name: "validate",
          expectedMs: 10,
          undo: { kind: "nothing", why: "looking changes nothing" },
        },
        { name: "act", undo: null },
      ],
      input: { type: "object", properties: { serverId: { type: "string" } } },
    });
  });
});

describe("machines", () => {
  it("report through an address that only we can have made", async () => {
    const id = await waitingRun();
    const path = `/v1/callbacks/${id}/${world.callbackToken(id)}`;
    const wrong = await world.read("POST", `/v1/callbacks/${id}/${"A".repeat(43)}`, {
      body: { status: "installed" },
      key: null,
    });
    expect([wrong.status, wrong.body.error.code]).toEqual([404, "NOT_FOUND"]);
    expect((await world.ask("POST", path, { body: { status: "maybe" }, key: null })).status).toBe(
      400,
    );
    const heard = await world.read("POST", path, { body: { status: "installed" }, key: null });
    expect([heard.status, heard.body.data]).toEqual([200, { runId: id, status: "installed" }]);
    await until(id, (run) => run.status === "completed");
  });

  it("read the config drive whole or in ranges", async () => {
    const id = await waitingRun();
    const path = `/v1/media/${id}/${world.callbackToken(id)}/config.iso`;
    const get = (range?: string, method = "GET") =>
      world.ask(method, path, { key: null, headers: range === undefined ? {} : { range } });
    const whole = new Uint8Array(await (await get()).arrayBuffer());
    expect(whole).toHaveLength(5_000);
    const head = await get(undefined, "HEAD");
    expect([head.headers.get("content-length"), head.headers.get("accept-ranges")]).toEqual([
      "5000",
      "bytes",
    ]);
    const part = await get("bytes=1000-1999");
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 1000-1999/5000"]);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(whole.subarray(1_000, 2_000));
    const beyond = await get("bytes=5000-");
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */5000"]);
    expect(await beyond.json()).toMatchObject({ success: false });
    const wrong = path.replace(/\/[^/]+\/config/, `/${"A".repeat(43)}/config`);
    expect((await world.ask("GET", wrong, { key: null })).status).toBe(404);
  });
});

describe("the list of runs", () => {
  it("filters by what is asked and pages without repeating", async () => {
    const failed = await failedRun();
    const { data } = (await world.read("GET", `${runsPath}?status=failed&type=server.*&limit=1`))
      .body;
    expect(data).toMatchObject([{ id: failed }]);
    const { serverId, runId } = await world.registered();
    const bySelf = await world.read(
      "GET",
      `${runsPath}?resourceType=server&resourceId=${serverId}`,
    );
    expect((bySelf.body.data as Run[]).map(({ id }) => id)).toEqual([runId]);
    expect(bySelf.body.meta["pagination"]).toEqual({
      total: 1,
      page: 1,
      pageSize: 20,
      hasMore: false,
      nextCursor: null,
    });

    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const { body } = await world.read("GET", `${runsPath}?limit=7${query}`);
      seen.push(...(body.data as Run[]).map(({ id }) => id));
      cursor = (body.meta["pagination"] as { nextCursor: string | null }).nextCursor;
    }
    const ids = (await world.db.query<{ id: string }>("select id from runs order by id desc")).map(
      ({ id }) => id,
    );
    expect(seen).toEqual(ids);
  });
});
