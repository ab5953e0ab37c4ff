import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Pool } from "#contract/pool.ts";
import type { Server } from "#contract/server.ts";
import {
  type AskOptions,
  type ApiWorld,
  newServerBody,
  openApiWorld,
  poolsPath,
  serversPath,
} from "#test/api-world.ts";
import { type PoolSite, newCluster, newRun, openPoolSite } from "#test/pool-site.ts";

let world: ApiWorld;
let site: PoolSite;
beforeAll(async () => {
  world = await openApiWorld();
  site = await openPoolSite(world.db, "default");
});
beforeEach(() => {
  world.ports.behaviour = "end";
});
afterAll(async () => {
  await site.journal.close();
  await world.close();
});

let names = 0;
const newName = (): string => {
  names += 1;
  return `pool-${names}`;
};
const create = (body: unknown, options: AskOptions = {}) =>
  world.read("POST", poolsPath, { body, ...options });
const made = async (body: unknown): Promise<Pool> => {
  const answer = await create(body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.data as Pool;
};
const poolAt = async (id: string) => world.read("GET", `${poolsPath}/${id}`);
const serverAt = async (id: string): Promise<Server> =>
  (await world.read("GET", `${serversPath}/${id}`)).body.data as Server;
const inPool = async (name: string): Promise<string[]> =>
  (
    (await world.read("GET", `${serversPath}?pool=${name}&sort=createdAt`)).body.data as Server[]
  ).map(({ id }) => id);
const eventCount = () => world.db.query("select count(*)::int as n from events");
const codeOf = ({ status, body }: Awaited<ReturnType<typeof create>>) => [status, body.error?.code];

/** A cluster draws one server of the pool. */
async function draw(pool: string): Promise<{ server: string; cluster: string; run: string }> {
  const owner = { cluster: newCluster(), run: newRun() };
  const [drawn] = await site.allocate(owner, { pool, group: "workers", count: 1 });
  return { ...owner, server: drawn?.server ?? "" };
}

describe("a pool with a selector", () => {
  it("has every server of the project with its tags, now and later", async () => {
    const name = newName();
    const early = await site.server({ hall: name, gpu: "a100" });
    await site.server({ hall: name });
    const answer = await create({ name, selector: { tags: { hall: name, gpu: "a100" } } });
    const pool = answer.body.data as Pool;
    expect([answer.status, answer.headers.get("location")]).toEqual([201, pool.links.self]);
    expect(pool).toMatchObject({
      name,
      displayName: null,
      selector: { tags: { hall: name, gpu: "a100" } },
      counts: { total: 1, free: 1, drawable: 0, reserved: 0, used: 0 },
    });
    const late = await site.server({ hall: name, gpu: "a100", rack: "1" });
    expect(await inPool(name)).toEqual([early, late]);
    expect((await world.read("GET", pool.links.servers)).body.data).toHaveLength(2);
    expect((await poolAt(pool.id)).body.data).toEqual({
      ...pool,
      counts: { total: 2, free: 2, drawable: 0, reserved: 0, used: 0 },
    });
    const changed = await world.read("PATCH", `${poolsPath}/${pool.id}`, {
      body: { selector: { tags: { hall: name } }, displayName: "The hall" },
    });
    expect(changed.body.data).toMatchObject({ displayName: "The hall", counts: { total: 3 } });
    expect(await inPool(name)).toHaveLength(3);
  });
});

describe("a pool with a list", () => {
  it("takes its members from where they were, in one transaction", async () => {
    const [a, b, c] = [await site.server(), await site.server(), await site.server()];
    const first = await made({ name: newName(), members: [a, b] });
    expect(first.counts).toMatchObject({ total: 2, free: 2 });
    const second = await made({ name: newName(), members: [b, c] });
    expect(await inPool(first.name)).toEqual([a]);
    expect(await inPool(second.name)).toEqual([b, c]);
    const replaced = await world.read("PATCH", `${poolsPath}/${second.id}`, {
      body: { members: [c, a] },
    });
    expect(replaced.body.data).toMatchObject({ counts: { total: 2 } });
    expect(await inPool(first.name)).toEqual([]);
    expect(await inPool(second.name)).toEqual([a, c]);
    expect((await serverAt(b)).pool).toBeNull();
    const { body } = await world.read("GET", `${second.links.events}?limit=1`);
    expect(body.data).toMatchObject([
      { type: "pool.updated", actor: "admin", data: { added: [a], removed: [b] } },
    ]);
    const log = await world.read("GET", "/v1/events?type=pool.*&limit=1");
    expect(log.body.data).toMatchObject([{ stream: second.id, type: "pool.updated" }]);
  });

  it("is joined and left by a change of the server", async () => {
    const pool = await made({ name: newName(), members: [] });
    const server = await site.server();
    const put = (name: string | null) =>
      world.read("PATCH", `${serversPath}/${server}`, { body: { pool: name } });
    expect((await put(pool.name)).status).toBe(200);
    expect(await inPool(pool.name)).toEqual([server]);
    expect((await put(null)).status).toBe(200);
    expect(await inPool(pool.name)).toEqual([]);
    const nowhere = await put("nowhere");
    expect(codeOf(nowhere)).toEqual([400, "VALIDATION_ERROR"]);
    expect(nowhere.body.error.details.fields).toHaveProperty("pool");
    const selecting = await made({ name: newName(), selector: { tags: { rack: "z" } } });
    expect(codeOf(await put(selecting.name))).toEqual([400, "VALIDATION_ERROR"]);
  });
});

describe("requests about pools", () => {
  it("are refused for what is wrong with them, before anything is written", async () => {
    const server = await site.server();
    const elsewhere = await openPoolSite(world.db, "another-project");
    const stranger = await elsewhere.server();
    await elsewhere.journal.close();
    const name = newName();
    const before = await eventCount();
    for (const [body, field] of [
      [{ members: [] }, "name"],
      [{ name: "Not A Name", members: [] }, "name"],
      [{ name }, "body"],
      [{ name, members: [], selector: { tags: { a: "b" } } }, "body"],
      [{ name, selector: { tags: {} } }, "selector.tags"],
      [{ name, members: [server, server] }, "members"],
      [{ name, members: ["srv_1"] }, "members[0]"],
      [{ name, members: [server, `srv_${"0".repeat(26)}`] }, "members"],
      [{ name, members: [server, stranger] }, "members"],
      [{ name, members: [], surprise: 1 }, "surprise"],
    ] as const) {
      const answer = await create(body);
      expect(codeOf(answer), JSON.stringify(body)).toEqual([400, "VALIDATION_ERROR"]);
      expect(Object.keys(answer.body.error.details.fields)).toEqual([field]);
    }
    expect(await eventCount()).toEqual(before);
    const list = await made({ name, members: [] });
    const path = `${poolsPath}/${list.id}`;
    expect(codeOf(await world.read("PATCH", path, { body: {} }))).toEqual([
      400,
      "VALIDATION_ERROR",
    ]);
    for (const [id, body] of [
      [list.id, { selector: { tags: { a: "b" } } }],
      [(await made({ name: newName(), selector: { tags: { a: "b" } } })).id, { members: [] }],
    ] as const) {
      const answer = await world.read("PATCH", `${poolsPath}/${id}`, { body });
      expect(answer.body.error).toMatchObject({
        code: "VALIDATION_ERROR",
        details: { fields: { [Object.keys(body)[0]!]: expect.any(String) as string } },
      });
    }
    const nobody = `${poolsPath}/pool_${"0".repeat(26)}`;
    for (const [method, at] of [
      ["GET", nobody],
      ["GET", `${nobody}/events`],
      ["DELETE", nobody],
      ["GET", path.replace("/default/", "/other/")],
    ] as const)
      expect(codeOf(await world.read(method, at)), at).toEqual([404, "NOT_FOUND"]);
    expect((await poolAt("gpu-a")).body.error.message).toContain("and not its name");
    expect(codeOf(await world.read("PATCH", nobody, { body: { displayName: "x" } }))).toEqual([
      404,
      "NOT_FOUND",
    ]);
  });

  it("make one pool of a name, however many ask at once", async () => {
    const name = newName();
    const members = [await site.server()];
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        create(index % 2 === 0 ? { name, members } : { name, selector: { tags: { at: name } } }),
      ),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([201, 409, 409, 409, 409, 409]);
    const pool = answers.find(({ status }) => status === 201)?.body.data as Pool;
    for (const { status, body } of answers)
      if (status === 409)
        expect(body.error).toMatchObject({
          code: "CONFLICT",
          details: { poolId: pool.id },
        });
  });

  it("take effect once per key, and not at all when planned", async () => {
    const name = newName();
    const headers = { "idempotency-key": `create-${name}` };
    const body = { name, members: [await site.server()] };
    const planned = await create(body);
    expect(planned.status).toBe(201);
    const before = await eventCount();
    const plan = (method: string, path: string, given?: unknown) =>
      world.read(method, `${path}?plan=true`, given === undefined ? {} : { body: given });
    const refused = await plan("POST", poolsPath, body);
    expect([refused.status, refused.body.data]).toMatchObject([
      200,
      { workflow: null, steps: [], refusals: [{ code: "CONFLICT" }] },
    ]);
    const fine = await plan("POST", poolsPath, { name: newName(), members: [] });
    expect(fine.body.data).toMatchObject({ refusals: [] });
    const { id } = planned.body.data as Pool;
    for (const method of ["PATCH", "DELETE"] as const) {
      const given = method === "PATCH" ? { members: [] } : undefined;
      const answer = await plan(method, `${poolsPath}/${id}`, given);
      expect([answer.status, answer.body.data]).toMatchObject([200, { refusals: [] }]);
    }
    expect(await eventCount()).toEqual(before);

    const other = { ...body, name: newName() };
    const first = await create(other, { headers });
    const again = await create(other, { headers });
    expect([first.status, again.status, again.body.data]).toEqual([201, 201, first.body.data]);
    expect([again.headers.get("idempotency-replayed"), again.headers.get("location")]).toEqual([
      "true",
      first.headers.get("location"),
    ]);
    expect((await create({ ...other, displayName: "x" }, { headers })).status).toBe(422);
  });

  it("are listed page by page", async () => {
    const made3 = [];
    for (let n = 0; n < 3; n += 1) made3.push(await made({ name: newName(), members: [] }));
    const page = await world.read("GET", `${poolsPath}?limit=2`);
    expect(page.body.data).toMatchObject([{ id: made3[2]?.id }, { id: made3[1]?.id }]);
    const { nextCursor, total } = page.body.meta["pagination"] as {
      nextCursor: string;
      total: number;
    };
    expect(total).toBe(
      (
        await world.db.query<{ n: number }>(
          "select count(*)::int as n from pools where project = 'default'",
        )
      )[0]?.n,
    );
    const second = await world.read("GET", `${poolsPath}?limit=2&cursor=${nextCursor}`);
    expect((second.body.data as Pool[])[0]?.id).toBe(made3[0]?.id);
    const oldest = await world.read("GET", `${poolsPath}?sort=createdAt&limit=100`);
    expect((oldest.body.data as Pool[]).at(-1)?.id).toBe(made3[2]?.id);
  });
});

describe("a server that a cluster has", () => {
  it("says so, allows nothing that takes it away, and counts as the cluster's", async () => {
    const pool = await made({ name: newName(), members: [await site.server()] });
    const { server, cluster, run } = await draw(pool.name);
    const shown = await serverAt(server);
    expect(shown.allocation).toMatchObject({
      cluster,
      pool: pool.id,
      group: "workers",
      run,
      state: "reserved",
    });
    expect(shown.actions).toContain("power-off");
    expect(shown.actions).not.toContain("provision");
    expect((await poolAt(pool.id)).body.data).toMatchObject({
      counts: { total: 1, free: 0, reserved: 1, used: 0 },
    });
    const provision = { image: { url: "https://images.example/debian.iso", format: "iso" } };
    const refused = await world.read("POST", `${serversPath}/${server}/provision`, {
      body: provision,
    });
    expect(refused.body.error).toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining(cluster) as string,
    });
    const plan = await world.read("POST", `${serversPath}/${server}/provision?plan=true`, {
      body: provision,
    });
    expect(plan.body.data).toMatchObject({ refusals: [{ code: "CONFLICT" }] });
    const power = await world.read("POST", `${serversPath}/${server}/lifecycle`, {
      body: { action: "power-on" },
      headers: { prefer: "wait=30" },
    });
    expect(power.status).toBe(200);
  });

  it("stays in its pool, which stays too, until it is given back", async () => {
    const [a, b] = [await site.server(), await site.server()];
    const pool = await made({ name: newName(), members: [a, b] });
    const other = await made({ name: newName(), members: [] });
    const { server, cluster, run } = await draw(pool.name);
    const before = await eventCount();
    const refusals = [
      await world.read("PATCH", `${serversPath}/${server}`, { body: { pool: null } }),
      await world.read("PATCH", `${poolsPath}/${pool.id}`, { body: { members: [] } }),
      await world.read("PATCH", `${poolsPath}/${other.id}`, { body: { members: [a, b] } }),
      await create({ name: newName(), members: [a, b] }),
      await world.read("DELETE", `${poolsPath}/${pool.id}`),
    ];
    for (const { status, body } of refusals) {
      expect([status, body.error.code]).toEqual([409, "CONFLICT"]);
      expect(body.error.message).toContain(cluster);
    }
    expect(refusals.at(-1)?.body.error.details).toEqual({
      poolId: pool.id,
      clusters: [{ cluster, servers: 1 }],
    });
    expect(await eventCount()).toEqual(before);
    expect(await inPool(pool.name)).toEqual([a, b]);

    await site.release({ cluster, run }, "all");
    const gone = await world.read("DELETE", `${poolsPath}/${pool.id}`);
    expect([gone.status, gone.body.data]).toMatchObject([200, { id: pool.id, name: pool.name }]);
    expect(await poolAt(pool.id)).toMatchObject({ status: 404 });
    expect((await serverAt(a)).pool).toBeNull();
    // Its name is free, and nobody is on the new list by the old one.
    expect((await made({ name: pool.name, members: [] })).counts.total).toBe(0);
  });

  it("is never left without its pool, however drawing, joining and deleting meet", async () => {
    for (let round = 0; round < 8; round += 1) {
      const [member, joiner] = [await site.server(), await site.server()];
      const pool = await made({ name: newName(), members: [member] });
      const [deleted, joined, drawn] = await Promise.all([
        world.read("DELETE", `${poolsPath}/${pool.id}`),
        world.read("PATCH", `${serversPath}/${joiner}`, { body: { pool: pool.name } }),
        draw(pool.name).catch((failure: unknown) => failure),
      ]);
      const exists = (await poolAt(pool.id)).status === 200;
      expect(exists).toBe(deleted.status === 409);
      expect([200, 400]).toContain(joined.status);
      const servers = await Promise.all([member, joiner].map(serverAt));
      for (const { pool: name } of servers)
        expect([null, exists ? pool.name : null]).toContain(name);
      const isAllocated = servers.some(({ allocation }) => allocation !== null);
      expect(isAllocated).toBe(exists);
      if (!isAllocated)
        expect(["NOT_FOUND", "POOL_CAPACITY_EXCEEDED"]).toContain((drawn as { code: string }).code);
    }
  });
});

describe("a registration", () => {
  it("names a pool with a list, or is refused", async () => {
    const pool = await made({ name: newName(), members: [] });
    const selecting = await made({ name: newName(), selector: { tags: { a: "b" } } });
    const register = (name: string, query = "") =>
      world.read("POST", `${serversPath}${query}`, { body: { ...newServerBody(), pool: name } });
    for (const name of ["nowhere", selecting.name])
      for (const query of ["", "?plan=true"]) {
        const answer = await register(name, query);
        expect(codeOf(answer)).toEqual([400, "VALIDATION_ERROR"]);
        expect(answer.body.error.details.fields["pool"]).toContain(name);
      }
    expect((await register(pool.name)).status).toBe(202);
    const { body } = await world.read("POST", `${serversPath}/batch`, {
      body: {
        servers: [
          { ...newServerBody(), pool: pool.name },
          { ...newServerBody(), pool: "nowhere" },
        ],
      },
    });
    expect(body.data).toMatchObject({ results: [{ status: 202 }, { status: 400 }] });
    expect(await inPool(pool.name)).toHaveLength(2);
  });

  it("is not retried into a pool that is gone, and may be into another one", async () => {
    const pool = await made({ name: newName(), members: [] });
    world.ports.behaviour = "fail";
    const failed = await world.read("POST", serversPath, {
      body: { ...newServerBody(), pool: pool.name },
      headers: { prefer: "wait=30" },
    });
    const { run } = failed.body.error.details as unknown as { run: string };
    expect((await world.read("DELETE", `${poolsPath}/${pool.id}`)).status).toBe(200);
    world.ports.behaviour = "end";
    const retry = (body?: unknown) =>
      world.read("POST", `/v1/workflows/runs/${run}/retry`, {
        body: body ?? {},
        headers: { prefer: "wait=30" },
      });
    const refused = await retry();
    expect(codeOf(refused)).toEqual([400, "VALIDATION_ERROR"]);
    expect(refused.body.error.details.fields["pool"]).toContain(pool.name);
    expect(codeOf(await retry({ input: { pool: "nowhere" } }))).toEqual([400, "VALIDATION_ERROR"]);
    const other = await made({ name: newName(), members: [] });
    const good = await retry({ input: { pool: other.name } });
    expect([good.status, good.body.data]).toMatchObject([200, { status: "completed" }]);
    expect(await inPool(other.name)).toHaveLength(1);
  });
});
