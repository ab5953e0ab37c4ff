import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoggedEvent } from "#contract/logged-event.ts";
import type { Run } from "#contract/run.ts";
import type { Server } from "#contract/server.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import {
  type Answer,
  type Api,
  imageOf,
  registration,
  runPath,
  serverPath,
  serversPath,
} from "#test/processes/api.ts";
import type { LabBmc } from "#test/processes/lab.ts";

/** Requests as they travel: repeats, batches, waiting, streams, plans. */

let world: ProcessWorld;
let api: Api;
let bmcs: readonly LabBmc[];

beforeAll(async () => {
  world = await openProcessWorld({ servers: 8, speed: 150 });
  ({ bmcs } = world.lab);
  const dataDir = await world.dataDir();
  const env = { MILLWRIGHT_PACE: "30", MILLWRIGHT_LOG_LEVEL: "silent" };
  api = world.api(await world.start(world.env(dataDir, env)), dataDir);
}, 180_000);
afterAll(() => world.close());

const total = async (path: string): Promise<number> => {
  const { meta } = await api.good("GET", `${path}?limit=1`);
  return (meta["pagination"] as { readonly total: number }).total;
};
const plain = (bmc: LabBmc, more: object = {}) => registration(bmc, { inspect: false, ...more });

describe("a request", { timeout: 240_000 }, () => {
  it("with an Idempotency-Key is carried out once", async () => {
    const before = await total("/v1/workflows/runs");
    const headers = { "idempotency-key": "register-0" };
    const ask = (body: unknown) => api.ask<Server>("POST", serversPath, { body, headers });
    const body = plain(bmcs[0]!);
    const first = await ask(body);
    expect(first.status).toBe(202);
    expect(first.headers.get("location")).toBe(runPath(first.run));
    await api.ended(first.run);
    const again = await ask(Object.fromEntries(Object.entries(body).toReversed()));
    expect(again.status).toBe(202);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect([again.run, again.data]).toEqual([first.run, first.data]);
    const other = await ask(plain(bmcs[1]!));
    expect([other.status, other.error?.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    expect(await total("/v1/workflows/runs")).toBe(before + 1);
  });

  it("for many servers is answered entry by entry, as JSON and as CSV", async () => {
    type Batch = {
      results: { status: number; meta?: { workflowId: string }; error?: Answer["error"] }[];
    };
    const servers = [plain(bmcs[1]!), { bmcAddress: "http://10.0.0.5" }, plain(bmcs[1]!)];
    const json = await api.ask<Batch>("POST", `${serversPath}/batch`, { body: { servers } });
    expect(json.status).toBe(207);
    expect(json.data.results.map(({ status }) => status)).toEqual([202, 400, 400]);
    expect(json.data.results[1]?.error?.details).toMatchObject({
      fields: { password: expect.any(String), bmcAddress: expect.stringContaining("https") },
    });
    const lines = [bmcs[2]!, bmcs[3]!].map(
      ({ address, username, password }) => `${address},${username},${password},false,a12`,
    );
    const csv = ["bmcAddress,username,password,inspect,tags.rack", ...lines].join("\r\n");
    const headers = { "content-type": "text/csv" };
    const table = await api.ask<Batch>("POST", `${serversPath}/batch`, { body: csv, headers });
    expect(table.status, table.text).toBe(207);
    expect(table.data.results.map(({ status }) => status)).toEqual([202, 202]);
    for (const { meta } of [...json.data.results, ...table.data.results]) {
      if (meta === undefined) continue;
      const run = await api.ended(meta.workflowId);
      expect(run.status).toBe("completed");
    }
    const { data } = await api.good<Server[]>("GET", `${serversPath}?tag=rack%3Aa12`);
    expect(data.map(({ bmc }) => bmc.address).toSorted()).toEqual(
      [bmcs[2]!.address, bmcs[3]!.address].toSorted(),
    );
  });

  it("that prefers to wait is answered with the outcome", async () => {
    const answer = await api.ask<Server>("POST", serversPath, {
      body: registration(bmcs[4]!),
      headers: { prefer: "wait=60" },
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get("preference-applied")).toBe("wait=60");
    expect(answer.data).toMatchObject({ state: "available" });
    expect(await api.run(answer.run)).toMatchObject({ status: "completed" });
  });

  it("with plan=true says what would happen, and writes nothing", async () => {
    const { data: servers } = await api.good<Server[]>("GET", serversPath);
    const server = servers.find(({ state }) => state === "available")!;
    const path = serverPath(server.id);
    const counts = () =>
      Promise.all(["/v1/workflows/runs", "/v1/events", serversPath].map((list) => total(list)));
    const before = await counts();
    const effects = await world.lab.effects();
    const image = imageOf(world.lab.image("iso"));
    const { data: plan } = await api.good<{
      steps: { name: string }[];
      pivot: { beforeStep: string };
      refusals: unknown[];
    }>("POST", `${path}/provision?plan=true`, { body: { image } });
    expect(plan.steps.map(({ name }) => name)).toContain("await-install");
    expect(plan).toMatchObject({ pivot: { beforeStep: "power-cycle" }, refusals: [] });
    const asked = [
      ["POST", `${serversPath}?plan=true`, plain(bmcs[5]!)],
      ["POST", `${serversPath}/batch?plan=true`, { servers: [plain(bmcs[5]!)] }],
      ["POST", `${path}/inspect?plan=true`, {}],
      ["POST", `${path}/lifecycle?plan=true`, { action: "power-on" }],
      ["DELETE", `${path}?plan=true`, undefined],
    ] as const;
    for (const [method, target, body] of asked)
      expect((await api.ask(method, target, { body })).status, target).toBe(200);
    expect(await counts()).toEqual(before);
    expect(await world.lab.effects()).toEqual(effects);
    expect(await api.server(server.id)).toEqual(server);
  });

  it("for a run can wait for its next change", async () => {
    const { run: id } = await api.good("POST", serversPath, { body: registration(bmcs[6]!) });
    const seen: string[] = [];
    let tag: string | null = null;
    for (let looks = 0; looks < 200; looks += 1) {
      const headers: Record<string, string> = tag === null ? {} : { "if-none-match": tag };
      const answer: Answer<Run> = await api.ask<Run>("GET", `${runPath(id)}?wait=20`, { headers });
      if (answer.status === 304) continue;
      tag = answer.headers.get("etag");
      const { status, phase } = answer.data;
      seen.push(status);
      if (phase === "ended") break;
    }
    expect(seen.at(-1)).toBe("completed");
    // It did not sleep through the run: it was told of changes in between.
    expect(seen.length).toBeGreaterThan(2);
    const fresh = await api.ask("GET", `${runPath(id)}?wait=20`, {
      headers: { "if-none-match": tag ?? "" },
    });
    expect(fresh.status).toBe(304);
  });

  it("for a stream is told each event once, also after a broken connection", async () => {
    const { run: id } = await api.good("POST", serversPath, { body: registration(bmcs[7]!) });
    const first = await readStream(id, null, 4);
    const rest = await readStream(id, first.at(-1)?.id ?? null, Number.POSITIVE_INFINITY);
    const told = [...first, ...rest];
    const events = await api.events(id);
    expect(told.map(({ event }) => event)).toEqual(events.map(({ type }) => type));
    expect(told.map(({ id: version }) => Number(version))).toEqual(
      events.map(({ version }) => version),
    );
    expect(told.at(-1)?.event).toBe("run.completed");
    expect(first).toHaveLength(4);
    expect(told.map(({ data }) => data)).toEqual(events);
  });
});

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: LoggedEvent;
}

/** Reads a run's stream until it ends or so many events have come; then the connection is cut. */
async function readStream(run: string, after: string | null, most: number): Promise<Told[]> {
  const response = await api.open("GET", `${runPath(run)}/events`, {
    headers: { accept: "text/event-stream", ...(after !== null && { "last-event-id": after }) },
    timeoutMs: 60_000,
  });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const told: Told[] = [];
  let text = "";
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  while (told.length < most) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const field = (name: string) =>
        frame
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      const [id, event, data] = [field("id"), field("event"), field("data")];
      if (id !== undefined && event !== undefined && data !== undefined && told.length < most)
        told.push({ id, event, data: JSON.parse(data) as LoggedEvent });
    }
  }
  await reader.cancel();
  return told;
}
