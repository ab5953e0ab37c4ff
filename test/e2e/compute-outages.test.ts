import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Run } from "#contract/run.ts";
import { type ControlPlane, adminKeyOf } from "#test/processes/control-plane.ts";
import { type ProcessWorld, complaintsOf, openProcessWorld } from "#test/process-world.ts";
import { Api, runPath, summary } from "#test/processes/api.ts";
import {
  type KubernetesFault,
  type ManagementCluster,
  clusterBody,
  clusterObject,
  clusterPath,
  clustersPath,
  failedAt,
  managementCluster,
  vmBody,
  vmObject,
  vmPath,
  vmsPath,
} from "#test/processes/compute.ts";

/** A management cluster that is down, slow or talks rubbish, and a control plane that dies: runs go on, and nothing is done twice. */

let world: ProcessWorld;
let plane: ControlPlane;
let api: Api;
let management: ManagementCluster;
let start: () => Promise<ControlPlane>;

beforeAll(async () => {
  world = await openProcessWorld({ servers: 0, speed: 150 });
  management = managementCluster(world.lab);
  const dataDir = await world.dataDir();
  const env = { MILLWRIGHT_PACE: "60", MILLWRIGHT_LOG_LEVEL: "silent" };
  start = () => world.start(world.env(dataDir, env));
  plane = await start();
  api = new Api({
    origin: () => plane.url,
    key: adminKeyOf(dataDir),
    complaints: () => complaintsOf(plane.child),
  });
}, 180_000);
afterAll(() => world.close());

const act = (run: string, verb: string, body: object = {}) =>
  api.ask<Run>("POST", `${runPath(run)}/${verb}`, { body });

/** What our own writes changed of the object with this name, oldest first. */
async function changes(object: string): Promise<readonly string[]> {
  const effects = await world.lab.effects(object);
  return effects.flatMap(({ action, key }) => (key === undefined ? [] : [`${action} ${key}`]));
}
const clusterEffect = (name: string): string => `Cluster/default/${name}`;
const vmEffect = (name: string): string => `VirtualMachine/default/${name}`;
const failures = async (run: string) =>
  (await api.events(run)).filter(({ type }) => type === "step.failed");

const disturbances: readonly (readonly [string, KubernetesFault])[] = [
  ["503", { status: 503, retryAfterSeconds: 1 }],
  ["429", { status: 429, retryAfterSeconds: 1 }],
  ["500", { status: 500 }],
  ["410", { status: 410 }],
  ["rubbish", { rubbish: true }],
  ["slow", { delayMs: 400 }],
  ["cut", { cut: "before" }],
  ["lost", { cut: "after" }],
];

describe.concurrent("an API server that for a while answers", { timeout: 120_000 }, () => {
  for (const [word, disturbance] of disturbances) {
    it(`${word} delays every phase of a cluster, and repeats nothing`, async ({ expect }) => {
      const name = `disturbed-${word}`;
      const own = `/clusters/${name}(\\?|$)`;
      const disturb = (method: "GET" | "PATCH" | "DELETE") =>
        management.fault({ path: own, method, times: 2, ...disturbance });
      await disturb("GET");
      const creation = await api.completed("POST", clustersPath, clusterBody(name));
      const path = clusterPath(creation.resourceId);
      await disturb("PATCH");
      const scale = { nodePool: "workers", nodeCount: 2 };
      const scaling = await api.completed("POST", `${path}/scale`, scale);
      await disturb("DELETE");
      const deletion = await api.completed("DELETE", path);
      expect(await management.of(name)).toEqual({});
      expect(await changes(clusterEffect(name))).toEqual([
        `create ${creation.id}/apply-cluster`,
        `update ${scaling.id}/apply-scale`,
        `delete ${deletion.id}/delete-cluster`,
      ]);
      for (const { id } of [creation, scaling, deletion])
        for (const { data } of await failures(id))
          expect(data).toMatchObject({
            error: { code: "KUBERNETES_UNAVAILABLE", message: expect.stringContaining(name) },
            retryAt: expect.any(String),
          });
      if (disturbance.status !== undefined)
        expect((await failures(creation.id)).length, summary(creation)).toBeGreaterThan(0);
    });
  }

  it("409 to writes that collide is asked again, of the newest object", async ({ expect }) => {
    const name = "collided";
    const { resourceId } = await api.completed("POST", clustersPath, clusterBody(name));
    const collide = { path: `/clusters/${name}(\\?|$)`, status: 409, times: 2 } as const;
    await management.fault({ ...collide, method: "PATCH" });
    const scale = { nodePool: "workers", nodeCount: 2 };
    const path = clusterPath(resourceId);
    const scaling = await api.completed("POST", `${path}/scale`, scale);
    expect(await failures(scaling.id)).toEqual([]);
    await management.fault({ ...collide, method: "DELETE" });
    expect(await failures((await api.completed("DELETE", path)).id)).toEqual([]);
    expect(await management.of(name)).toEqual({});
  });

  it("nothing of use is waited out by a step that looks, and keeps the undo at work", async ({
    expect,
  }) => {
    const name = "cut-off-control-plane-hangs";
    const { run: id } = await api.good("POST", clustersPath, { body: clusterBody(name) });
    const looks = ({ steps }: Run) => steps.find((step) => step.name === "await-control-plane");
    await api.until(id, (run) => looks(run)?.status === "waiting");
    // More than a step that writes would be tried.
    await management.fault({ path: `/clusters/${name}(\\?|$)`, status: 503, times: 10 });
    const through = await api.until(id, (run) => (looks(run)?.attempts ?? 0) > 10);
    expect(through, summary(through)).toMatchObject({ status: "running", attention: null });
    expect(await failures(id)).toHaveLength(10);
    // More tries of its undo than a person is left in the dark about.
    await management.fault({ path: `/clusters/${name}(\\?|$)`, status: 503, times: 6 });
    await act(id, "cancel");
    const told = await api.until(id, ({ attention }) => attention !== null, "in need of a person");
    expect(told, summary(told)).toMatchObject({
      phase: "undoing",
      attention: { code: "KUBERNETES_UNAVAILABLE", step: "apply-cluster" },
    });
    const run = await api.ended(id);
    expect(run).toMatchObject({ status: "cancelled", cleanup: "complete", attention: null });
    expect(await management.of(name)).toEqual({});
    expect((await api.ask("GET", clusterPath(run.resourceId))).status).toBe(404);
  });

  it("of those who are not known, or allowed nothing, is waited out where it passes", async ({
    expect,
  }) => {
    const name = "unknown-control-plane-hangs";
    const { run: id } = await api.good("POST", clustersPath, { body: clusterBody(name) });
    const looks = ({ steps }: Run) => steps.find((step) => step.name === "await-control-plane");
    await api.until(id, (run) => looks(run)?.status === "waiting");
    // Each is asked twice: once more with fresh credentials.
    await management.fault({ path: `/clusters/${name}(\\?|$)`, status: 401, times: 6 });
    const through = await api.until(id, (run) => (looks(run)?.attempts ?? 0) > 3);
    expect(through, summary(through)).toMatchObject({ status: "running", attention: null });
    await management.fault({ path: `/clusters/${name}(\\?|$)`, status: 401, times: 2 });
    await management.fault({ path: `/clusters/${name}(\\?|$)`, status: 403, times: 4 });
    await act(id, "cancel");
    const told = await api.until(id, ({ attention }) => attention !== null, "in need of a person");
    expect(told, summary(told)).toMatchObject({ phase: "undoing" });
    const run = await api.ended(id);
    expect(run).toMatchObject({ status: "cancelled", cleanup: "complete", attention: null });
    expect(await management.of(name)).toEqual({});
  });

  it("nothing of use past the pivot asks for a person, and goes on after a retry", async ({
    expect,
  }) => {
    const name = "stranded";
    const { resourceId } = await api.completed("POST", vmsPath, vmBody(name));
    await management.fault({
      path: `/virtualmachines/${name}(\\?|$)`,
      method: "DELETE",
      status: 503,
      times: 8,
    });
    const run = await api.follow("DELETE", vmPath(resourceId));
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "KUBERNETES_UNAVAILABLE",
      step: "delete-vm",
    });
    expect(run).toMatchObject({ attention: { notDone: ["delete-vm", "await-gone", "record"] } });
    expect((await api.good("GET", vmPath(resourceId))).data).toMatchObject({ state: "error" });
    const again = await act(run.id, "retry", { fromStep: "delete-vm" });
    expect(again.status, again.text).toBe(202);
    expect(await api.ended(again.data.id)).toMatchObject({ status: "completed" });
    expect(await management.of(name)).toEqual({});
  });

  it("that it does not allow is refused at once, and says so", async ({ expect }) => {
    const name = "forbidden";
    await management.fault({ path: `/clusters/${name}(\\?|$)`, status: 403, times: 1 });
    const run = await api.follow("POST", clustersPath, clusterBody(name));
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "KUBERNETES_FORBIDDEN",
      step: "validate",
    });
    expect(run.error?.message).toContain("it is not allowed");
    expect((await api.ask("GET", clusterPath(run.resourceId))).status).toBe(404);
  });
});

describe("an API server", { timeout: 120_000 }, () => {
  it("that loses its answers, or counts a quota, creates one of each", async ({ expect }) => {
    const kinds = [
      [clustersPath, clusterBody, clusterEffect, "clusters", "apply-cluster"],
      [vmsPath, vmBody, vmEffect, "virtualmachines", "apply-vm"],
    ] as const;
    for (const [n, disturbance] of [{ cut: "after" }, { status: 409 }].entries())
      for (const [path, bodyOf, effectOf, plural, step] of kinds) {
        const name = `once-${n}`;
        const given = disturbance as KubernetesFault;
        await management.fault({ method: "POST", path: `/${plural}\\?`, times: 2, ...given });
        const run = await api.completed("POST", path, bodyOf(name));
        expect(await changes(effectOf(name))).toEqual([`create ${run.id}/${step}`]);
      }
  });

  it("that restarts again and again is waited for", async ({ expect }) => {
    const runs = ["c", "d", "e"].map((name) =>
      api.completed("POST", clustersPath, clusterBody(`restarts-${name}`)),
    );
    const all = Promise.all(runs);
    let isDone = false;
    void all.finally(() => (isDone = true)).catch(() => undefined);
    for (let count = 0; count < 20 && !isDone; count += 1) {
      await management.restart();
      await pause(100);
    }
    for (const [index, { id }] of (await all).entries())
      expect(await changes(clusterEffect(`restarts-${["c", "d", "e"][index]}`))).toEqual([
        `create ${id}/apply-cluster`,
      ]);
  });
});

describe("a control plane", { timeout: 120_000 }, () => {
  it("that is killed again and again brings all to their end, once", async ({ expect, task }) => {
    // A second try meets what the first one left.
    const named = (name: string): string => `${name}-${task.result?.retryCount ?? 0}`;
    const old = ["grows", "rises", "goes"].map((name) =>
      api.completed("POST", clustersPath, clusterBody(named(name))),
    );
    const [grows, rises, goes] = (await Promise.all(old)).map(({ resourceId }) =>
      clusterPath(resourceId),
    );
    const asked = (
      await Promise.all([
        ...[0, 1, 2, 3, 4, 5].map((n) =>
          api.good("POST", clustersPath, { body: clusterBody(named(`survivor-${n}`)) }),
        ),
        ...[0, 1, 2, 3].map((n) =>
          api.good("POST", vmsPath, { body: vmBody(named(`survivor-${n}`)) }),
        ),
        api.good("POST", `${grows}/scale`, { body: { nodePool: "workers", nodeCount: 3 } }),
        api.good("POST", `${rises}/upgrade`, { body: { kubernetesVersion: "v1.34.5" } }),
        api.good("DELETE", `${goes}`),
      ])
    ).map(({ run }) => run);
    const effectsBy = async (): Promise<number> =>
      (await world.lab.effects()).filter(({ key }) => asked.some((run) => key?.startsWith(run)))
        .length;
    // Killed as soon as it has begun, half-way, and when most is done.
    for (const share of [1, 6, 10]) {
      await expect.poll(effectsBy, { timeout: 60_000 }).toBeGreaterThanOrEqual(share);
      plane.child.signal("SIGKILL");
      await plane.child.ended;
      plane = await start();
    }
    const ended = await Promise.all(asked.map((run) => api.ended(run)));
    for (const run of ended) expect(run.status, summary(run)).toBe("completed");
    for (const [n, { id }] of ended.entries()) {
      if (n < 6)
        expect(await changes(clusterEffect(named(`survivor-${n}`)))).toEqual([
          `create ${id}/apply-cluster`,
        ]);
      else if (n < 10)
        expect(await changes(vmEffect(named(`survivor-${n - 6}`)))).toEqual([
          `create ${id}/apply-vm`,
        ]);
    }
    for (const name of ["grows", "rises"])
      expect(await changes(clusterEffect(named(name)))).toHaveLength(2);
    expect(await management.of(named("goes"))).toEqual({});
    expect((await management.ask("GET", clusterObject(named("grows")))).status).toBe(200);
    expect((await management.ask("GET", vmObject(named("survivor-0")))).status).toBe(200);
    const { data: left } = await api.good<Run[]>("GET", "/v1/workflows/runs?status=running");
    expect(left).toEqual([]);
  });
});

describe("a slow or silent management cluster", { timeout: 120_000 }, () => {
  const creations = [
    ["cluster", "clusters", "apply-cluster"],
    ["virtual machine", "virtualmachines", "apply-vm"],
  ] as const;
  for (const [what, plural, step] of creations) {
    it(`carries the creation of a ${what} out after its cancel, and nothing is left of it`, async ({
      expect,
    }) => {
      const name = `late-${plural}`;
      const isDryRun = ".*dryRun=";
      const path = `/${plural}\\?(?!${isDryRun})`;
      await management.fault({ path, method: "POST", delayMs: 3_000, times: 1 });
      const creation =
        plural === "clusters"
          ? await api.good("POST", clustersPath, { body: clusterBody(name) })
          : await api.good("POST", vmsPath, { body: vmBody(name) });
      const isAsking = ({ steps }: Run) =>
        steps.some((each) => each.name === step && each.status === "running");
      await api.until(creation.run, isAsking);
      await act(creation.run, "cancel");
      const run = await api.ended(creation.run);
      expect(run, summary(run)).toMatchObject({ status: "cancelled", cleanup: "complete" });
      // So long that what was delayed has been carried out.
      await pause(3_500);
      expect(await management.of(name)).toEqual({});
    });
  }

  it("does not keep a deletion from passing its pivot, where it can be abandoned", async ({
    expect,
  }) => {
    const name = "dead-end";
    const { resourceId } = await api.completed("POST", clustersPath, clusterBody(name));
    await management.fault({ path: `/clusters/${name}(\\?|$)`, status: 503 });
    const { run: id } = await api.good("DELETE", clusterPath(resourceId));
    const looked = await api.until(id, ({ waiting }) => waiting !== null, "waiting");
    expect(looked.waiting?.reason).toMatch(/^the management cluster is away \(.*503/);
    const run = await api.until(id, ({ steps }) =>
      steps.some((each) => each.name === "delete-cluster" && each.status === "running"),
    );
    expect(run, summary(run)).toMatchObject({ status: "running" });
    await management.clearFaults();
    expect((await api.ended(id)).status).toBe("completed");
    expect(await management.of(name)).toEqual({});
  });
});
