import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrate, readMigrations } from "#journal/migrate.ts";
import { dump, restore } from "#journal/transfer.ts";
import type { Database } from "#platform/database.ts";
import { rebuild } from "#projections/rebuild.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { type PoolSite, newCluster, newRun, openPoolSite, poolBindings } from "#test/pool-site.ts";

describeEachBackend("servers that clusters draw from pools", (backend) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await backend.open();
    await migrate(test.database);
  });
  afterAll(async () => {
    for (const { journal } of sites) await journal.close();
    await test.drop();
  });

  let projects = 0;
  const sites: PoolSite[] = [];
  const openSite = async (random?: () => number): Promise<PoolSite> => {
    projects += 1;
    const site = await openPoolSite(test.database, `project-${projects}`, random);
    sites.push(site);
    return site;
  };
  const owner = () => ({ cluster: newCluster(), run: newRun() });
  const workers = (pool: string, count: number, group = "workers") => ({ pool, group, count });

  it("are the longest-free ones, and no more by a second call", async () => {
    const site = await openSite();
    const pool = await site.pool("gpu-a");
    const [first, second, third] = [
      await site.server({}, "gpu-a"),
      await site.server({}, "gpu-a"),
      await site.server({}, "gpu-a"),
    ];
    const a = owner();
    const drawn = await site.allocate(a, workers("gpu-a", 1));
    expect(drawn).toEqual([{ server: first, pool: pool.id, group: "workers", takenBy: a.run }]);
    expect(await site.allocate(a, workers("gpu-a", 1))).toEqual(drawn);
    const grown = await site.allocate(a, workers("gpu-a", 2));
    expect(grown.map(({ server }) => server)).toEqual([first, second]);
    // What is given back is free from then on, so it comes last.
    expect(await site.release(a, { servers: [first] })).toEqual([first]);
    expect(await site.release(a, { servers: [first] })).toEqual([]);
    const b = owner();
    expect((await site.allocate(b, workers("gpu-a", 1)))[0]?.server).toBe(third);
    expect(await site.held(a.cluster)).toEqual([
      { server: second, pool: pool.id, group: "workers", takenBy: a.run },
    ]);
    // One that has more than it asks for keeps it.
    expect(await site.allocate(a, workers("gpu-a", 0))).toHaveLength(1);
  });

  it("are of hosts at the cluster's place only", async () => {
    const site = await openSite();
    await site.pool("gpu-a");
    await site.server({}, "gpu-a", "metal3");
    const elsewhere = { managementCluster: "other", namespace: "default" };
    const wish = { ...workers("gpu-a", 1), provisioner: "metal3", place: elsewhere } as const;
    await expect(site.allocate(owner(), wish)).rejects.toMatchObject({
      code: "POOL_CAPACITY_EXCEEDED",
    });
    expect(await site.allocate(owner(), { ...wish, place: null })).toHaveLength(1);
  });

  it("of a cluster that is not there are given back", async () => {
    const site = await openSite();
    await site.pool("gpu-a");
    const server = await site.server({}, "gpu-a");
    const gone = owner();
    await site.allocate(gone, workers("gpu-a", 1));
    expect(await site.releaseStranded()).toContain(server);
    expect(await site.held(gone.cluster)).toEqual([]);
    expect(await site.releaseStranded()).toEqual([]);
  });

  it("are refused all together, saying which pool lacks how many", async () => {
    const site = await openSite();
    await site.pool("gpu-a");
    await site.pool("plain", { tags: { kind: "plain" } });
    for (let n = 0; n < 3; n += 1) await site.server({}, "gpu-a");
    await site.server({ kind: "plain" });
    const a = owner();
    await expect(
      site.allocate(a, workers("plain", 1), workers("gpu-a", 4, "gpus")),
    ).rejects.toMatchObject({
      code: "POOL_CAPACITY_EXCEEDED",
      message: "pool gpu-a has 3 free servers, 4 are needed",
      details: { pool: "gpu-a", needed: 4, free: 3, total: 3 },
    });
    await expect(
      site.allocate(a, workers("gpu-a", 2), workers("gpu-a", 2, "control-plane")),
    ).rejects.toMatchObject({ details: { needed: 4, free: 3 } });
    expect(await site.held(a.cluster)).toEqual([]);
    await expect(site.allocate(a, workers("gpu-b", 1))).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { pool: "gpu-b" },
    });
    await expect(
      site.allocate(a, { ...workers("gpu-a", 1), provisioner: "metal3" }),
    ).rejects.toMatchObject({
      message: "pool gpu-a has 0 free servers under metal3, 1 is needed",
      details: { free: 0, total: 3 },
    });
    const host = await site.server({}, "gpu-a", "metal3");
    const pool = (await site.pools.named("gpu-a", site.place))!;
    expect(await site.pools.counts({ pool }, site.place)).toMatchObject({ free: 4, drawable: 1 });
    const drawn = await site.allocate(a, { ...workers("gpu-a", 1), provisioner: "metal3" });
    expect(drawn).toMatchObject([{ server: host }]);
    await site.release(a, "all");
    // A pool of another project is not there.
    await expect((await openSite()).allocate(a, workers("gpu-a", 1))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  it("serve one place each where pools overlap", async () => {
    const site = await openSite();
    await site.pool("all", { tags: { zone: "a" } });
    await site.pool("gpus", { tags: { gpu: "yes" } });
    const gpu = await site.server({ zone: "a", gpu: "yes" });
    const plain = await site.server({ zone: "a" });
    const a = owner();
    const drawn = await site.allocate(a, workers("all", 1), workers("gpus", 1, "gpus"));
    expect(new Map(drawn.map(({ server, group }) => [server, group]))).toEqual(
      new Map([
        [gpu, "gpus"],
        [plain, "workers"],
      ]),
    );
    await site.release(a, "all");
    await expect(
      site.allocate(a, workers("all", 2), workers("gpus", 1, "gpus")),
    ).rejects.toMatchObject({
      code: "POOL_CAPACITY_EXCEEDED",
      message: "pool gpus has 1 free server, 1 is needed beside those for all",
    });
    expect(await site.held(a.cluster)).toEqual([]);
  });

  it("are in nobody's hands: no run's, no other cluster's, neither failed nor unready", async () => {
    const site = await openSite();
    const pool = await site.pool("gpu-a");
    const [busy, failed, unready, out, good] = [
      await site.server({}, "gpu-a"),
      await site.server({}, "gpu-a"),
      await site.server({}, "gpu-a"),
      await site.server({}, "gpu-a"),
      await site.server({}, "gpu-a"),
    ];
    const began = { run: newRun(), workflow: "server.lifecycle", action: "reboot", state: null };
    await site.happened("server", busy, { type: "server.run_began", data: began });
    const [row] = await test.database.query<{ data: object }>(
      "select data from events where stream = $1 and type = 'server.inspected'",
      [failed],
    );
    await site.happened("server", failed, {
      type: "server.inspected",
      data: { ...row?.data, health: "failed" },
    });
    await site.happened("server", unready, {
      type: "server.maintenance_entered",
      data: { reason: null },
    });
    await site.happened("server", out, { type: "server.decommissioned", data: { erased: true } });
    expect(await site.pools.counts({ pool }, site.place)).toEqual({
      total: 4,
      free: 1,
      drawable: 0,
      reserved: 0,
      used: 0,
    });
    const a = owner();
    await expect(site.allocate(a, workers("gpu-a", 2))).rejects.toMatchObject({
      message: "pool gpu-a has 1 free server, 2 are needed",
      details: { free: 1, total: 4 },
    });
    expect(await site.allocate(a, workers("gpu-a", 1))).toMatchObject([{ server: good }]);
    expect(await site.pools.counts({ pool }, site.place)).toMatchObject({ free: 0, reserved: 1 });
    await site.confirm(a);
    await site.confirm(a);
    expect(await site.pools.counts({ pool }, site.place)).toMatchObject({ reserved: 0, used: 1 });
  });

  it("are a retry's once it has taken them over, and given back by the run that has them", async () => {
    const site = await openSite();
    await site.pool("gpu-a");
    for (let n = 0; n < 4; n += 1) await site.server({}, "gpu-a");
    const first = owner();
    const settled = await site.allocate(first, workers("gpu-a", 1));
    await site.confirm(first);
    const failed = { ...first, run: newRun() };
    await site.allocate(failed, workers("gpu-a", 3));
    const retry = { ...first, run: newRun() };
    const answer = await site.allocate(retry, workers("gpu-a", 3));
    expect(answer).toEqual(await site.held(retry.cluster));
    expect(answer.map(({ takenBy }) => takenBy)).toEqual([first.run, retry.run, retry.run]);
    expect(await site.release(retry, { takenBy: failed.run })).toEqual([]);
    expect(await site.release(retry, { takenBy: retry.run })).toHaveLength(2);
    // What the cluster had before is none of that.
    expect(await site.held(first.cluster)).toEqual(settled);
    expect(await site.release(retry, "all")).toHaveLength(1);
  });

  it("stay in their pool until they are given back, and the pool stays too", async () => {
    const site = await openSite();
    const pool = await site.pool("zone-a", { tags: { zone: "a" } });
    const server = await site.server({ zone: "a" });
    const a = owner();
    await site.allocate(a, workers("zone-a", 1));
    await site.happened("server", server, { type: "server.updated", data: { tags: {} } });
    expect(await site.pools.counts({ pool }, site.place)).toMatchObject({ total: 1, reserved: 1 });
    // Whoever would delete the pool at the same moment is refused by the database, as by a changed version.
    const gone = await site.journal.commit({
      appends: [],
      rows: [{ table: "pools", id: pool.id, columns: null }],
    });
    expect(gone).toEqual({ ok: false, conflict: { kind: "version", stream: null } });
    await site.release(a, "all");
    expect(await site.pools.counts({ pool }, site.place)).toMatchObject({ total: 0 });
  });

  it("end with UNAVAILABLE when others are always faster, and with the step's signal", async () => {
    const site = await openSite(() => 0);
    await site.pool("gpu-a");
    const server = await site.server({}, "gpu-a");
    const rival = await openPoolSite(
      {
        ...test.database,
        query: async (sql, params = []) => {
          if (sql.includes("journal_commit"))
            await site.happened("server", server, { type: "server.updated", data: {} });
          return test.database.query(sql, params);
        },
      },
      site.place.project,
      () => 0,
    );
    await expect(rival.allocate(owner(), workers("gpu-a", 1))).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    sites.push(rival);
    const aborted = { signal: AbortSignal.abort(new Error("the step was cancelled")) };
    const leased = await site.leased(owner());
    await expect(site.port.release(leased, { servers: [] }, aborted)).rejects.toThrow("cancelled");
    await expect(site.port.held(owner().cluster, aborted)).rejects.toThrow("cancelled");
  });

  it("are folded again to the same rows, here and where they were carried to", async () => {
    const site = await openSite();
    const doomed = await site.pool("doomed");
    await site.pool("gpu-a");
    await site.server({}, "gpu-a");
    await site.server({}, "gpu-a");
    const a = owner();
    await site.allocate(a, workers("gpu-a", 1));
    await site.confirm(a);
    await site.happened("pool", doomed.id, { type: "pool.deleted", data: {} });
    const rows = async (database: Database) => ({
      pools: await database.query("select * from pools order by id"),
      servers: await database.query("select * from servers order by id"),
    });
    const before = await rows(test.database);
    expect(before.pools.some(({ id }) => id === doomed.id)).toBe(false);
    await test.database.query(
      "update servers set allocation = null, allocated_to = null, allocated_from = null",
    );
    await test.database.query("delete from pools");
    await rebuild({ database: test.database, bindings: poolBindings, now: Date.now() });
    expect(await rows(test.database)).toEqual(before);

    const lines: string[] = [];
    await dump(test.database, new Date(0), (line) => void lines.push(line));
    const fresh = await backend.open();
    await migrate(fresh.database);
    await restore(fresh.database, Readable.from(lines), readMigrations().length);
    await rebuild({ database: fresh.database, bindings: poolBindings, now: Date.now() });
    expect(await rows(fresh.database)).toEqual(before);
    await fresh.drop();
  });
});
