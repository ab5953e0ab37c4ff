import { afterAll, beforeAll, describe, it } from "vitest";
import type { Cluster } from "#contract/cluster.ts";
import type { Run } from "#contract/run.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import { type Answer, type Api, runPath, summary } from "#test/processes/api.ts";
import {
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

/** What requests for clusters and virtual machines get that cannot be met, that collide, or that others come between. */

const poolsPath = "/v1/regions/local/projects/default/infrastructure/pools";
const noCluster = "cls_00000000000000000000000000";
const noVm = "vm_00000000000000000000000000";

let world: ProcessWorld;
let api: Api;
let management: ManagementCluster;

beforeAll(async () => {
  world = await openProcessWorld({ servers: 0, speed: 150 });
  management = managementCluster(world.lab);
  const dataDir = await world.dataDir();
  const env = { MILLWRIGHT_PACE: "60", MILLWRIGHT_LOG_LEVEL: "silent" };
  api = world.api(await world.start(world.env(dataDir, env)), dataDir);
  await api.good("POST", poolsPath, { body: { name: "small", members: [] } });
}, 180_000);
afterAll(() => world.close());

const total = async (path: string): Promise<number> => {
  const { meta } = await api.good("GET", `${path}?limit=1`);
  return (meta["pagination"] as { readonly total: number }).total;
};
const act = (run: string, verb: string, body: object = {}) =>
  api.ask<Run>("POST", `${runPath(run)}/${verb}`, { body });
const fieldsOf = ({ error }: { readonly error: Answer["error"] | Run["error"] }): unknown =>
  error?.details?.["fields"];
const waitsAt = (run: string, name: string) =>
  api.until(run, ({ steps }) =>
    steps.some((step) => step.name === name && step.status === "waiting"),
  );

describe("a request that cannot be met", { timeout: 120_000 }, () => {
  it("is refused field by field before anything is written", async ({ expect }) => {
    const lists = ["/v1/workflows/runs", "/v1/events", clustersPath, vmsPath];
    const counts = () => Promise.all(lists.map(total));
    const [before, effects] = [await counts(), await world.lab.effects()];
    const k0rdent = { driver: "k0rdent", class: undefined, credential: "lab-credential" };
    const refused: readonly (readonly [string, object, Readonly<Record<string, string>>])[] = [
      [clustersPath, { kubernetesVersion: "1.33" }, { kubernetesVersion: "v1.34.2" }],
      [clustersPath, { class: undefined }, { class: "offered is lab-metal3, lab-virtual" }],
      [clustersPath, { class: "gone" }, { class: "offered is lab-metal3, lab-virtual" }],
      [clustersPath, { kubernetesVersion: "v1.99.0" }, { kubernetesVersion: "is not offered" }],
      [clustersPath, { ...k0rdent, template: "gone" }, { template: "lab-standalone-cp-1-0-0" }],
      [
        clustersPath,
        { ...k0rdent, kubernetesVersion: "v1.99.0" },
        { kubernetesVersion: "v1.35.2" },
      ],
      [clustersPath, { template: "lab-standalone-cp-1-0-0" }, { template: "k0rdent only" }],
      [
        clustersPath,
        { controlPlane: { replicas: 2 } },
        { "controlPlane.replicas": "1, 3, 5 or 7" },
      ],
      [
        clustersPath,
        {
          controlPlane: { replicas: 1, pool: "gone" },
          nodePools: [{ name: "workers", nodeCount: 1, pool: "lost" }],
        },
        { "controlPlane.pool": "no pool gone", "nodePools[0].pool": "no pool lost" },
      ],
      [clustersPath, { managementCluster: "gone" }, { managementCluster: "lab-admin" }],
      [
        clustersPath,
        { class: "lab-metal3", nodePools: [] },
        { "controlPlane.pool": "name a pool" },
      ],
      [clustersPath, { nodepools: [] }, { nodepools: "is not a known field" }],
      [vmsPath, { disks: [] }, { disks: "at least 1 entry" }],
      [vmsPath, { disks: undefined }, { disks: "is required" }],
      [vmsPath, { memory: "lots" }, { memory: "4Gi" }],
      [vmsPath, { cpus: 0 }, { cpus: "at least 1" }],
    ];
    for (const [path, more, fields] of refused) {
      const body = path === vmsPath ? vmBody("refused", more) : clusterBody("refused", more);
      const answer = await api.ask("POST", path, { body });
      expect([answer.status, answer.error?.code], answer.text).toEqual([400, "VALIDATION_ERROR"]);
      const expected = Object.entries(fields).map(([field, words]) => [
        field,
        expect.stringContaining(words),
      ]);
      expect(fieldsOf(answer), answer.text).toEqual(Object.fromEntries(expected));
      for (const words of Object.values(fields)) expect(answer.error?.message).toContain(words);
    }
    const unknown = [
      ["DELETE", clusterPath(noCluster), undefined],
      ["POST", `${clusterPath(noCluster)}/scale`, { nodePool: "workers", nodeCount: 2 }],
      ["POST", `${clusterPath(noCluster)}/upgrade`, { kubernetesVersion: "v1.34.5" }],
      ["GET", `${clusterPath(noCluster)}/kubeconfig`, undefined],
      ["DELETE", vmPath(noVm), undefined],
      ["POST", `${vmPath(noVm)}/power`, { action: "stop" }],
      ["POST", clustersPath.replace("/local/", "/mars/"), clusterBody("refused")],
    ] as const;
    for (const [method, path, body] of unknown) {
      const { status, error, text } = await api.ask(method, path, { body });
      expect([status, error?.code], text).toEqual([404, "NOT_FOUND"]);
    }
    expect(await counts()).toEqual(before);
    expect(await world.lab.effects()).toEqual(effects);
  });
});

describe.concurrent("a creation", { timeout: 120_000 }, () => {
  it.each([
    ["variable", { config: { gone: 1 } }, "config.gone", "no variable of this name"],
    [
      "credential",
      {
        driver: "k0rdent",
        class: undefined,
        template: "lab-standalone-cp-1-0-0",
        credential: "gone",
      },
      "credential",
      "there is no Credential default/gone",
    ],
  ])("with an unknown %s ends at its first look", async (what, more, field, words) => {
    const { expect } = await import("vitest");
    const name = `unknown-${what}`;
    const run = await api.follow("POST", clustersPath, clusterBody(name, more));
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "VALIDATION_ERROR",
      step: "validate",
    });
    expect(fieldsOf(run)).toEqual({ [field]: expect.stringContaining(words) });
    expect(run.error?.message).toContain(words);
    expect(run).toMatchObject({ cleanup: "none", attention: null });
    expect((await api.ask("GET", clusterPath(run.resourceId))).status).toBe(404);
    expect(await management.effectsOf(name)).toEqual([]);
  });

  it("that asks more of a pool than it has says what is missing", async ({ expect }) => {
    const body = clusterBody("crowd", {
      class: "lab-metal3",
      controlPlane: { replicas: 1, pool: "small" },
      nodePools: [{ name: "workers", nodeCount: 3, pool: "small" }],
    });
    const run = await api.follow("POST", clustersPath, body);
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "POOL_CAPACITY_EXCEEDED",
      step: "allocate-resources",
    });
    expect(run.error).toMatchObject({
      message: "pool small has 0 free servers, 4 are needed",
      details: { pool: "small", free: 0, needed: 4 },
    });
    expect(run).toMatchObject({ cleanup: "complete", attention: null });
    expect((await api.ask("GET", clusterPath(run.resourceId))).status).toBe(404);
    expect(await management.effectsOf("crowd")).toEqual([]);
  });

  it.each([
    [clustersPath, clusterBody("twin")],
    [vmsPath, vmBody("twin-vm")],
  ])("of one name at once is one: %s", async (path, body) => {
    const { expect } = await import("vitest");
    const asked = await Promise.all([1, 2, 3].map(() => api.ask("POST", path, { body })));
    const [made, ...others] = asked.toSorted((a, b) => a.status - b.status);
    expect([made?.status, ...others.map(({ status }) => status)]).toEqual([202, 409, 409]);
    for (const { error } of others)
      expect(error).toMatchObject({
        code: "CONFLICT",
        message: expect.stringContaining("choose another name"),
        details: { fields: { name: "is taken" } },
      });
    expect(await api.ended(made?.run ?? "")).toMatchObject({ status: "completed" });
    const planned = await api.good<{ refusals: { code: string }[] }>("POST", `${path}?plan=true`, {
      body,
    });
    expect(planned.data.refusals.map(({ code }) => code)).toEqual(["CONFLICT"]);
  });

  it("finds the name with somebody else, and leaves what they have", async ({ expect }) => {
    const theirs = {
      apiVersion: "cluster.x-k8s.io/v1beta2",
      kind: "Cluster",
      metadata: { name: "theirs", namespace: "default" },
      spec: { paused: true },
    };
    const path = clusterObject("theirs");
    const planted = await management.ask("POST", path.replace(/\/theirs$/, ""), { body: theirs });
    expect(planted.status, JSON.stringify(planted.body)).toBe(201);
    const before = await management.of("theirs");
    const run = await api.follow("POST", clustersPath, clusterBody("theirs"));
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "CONFLICT",
      step: "validate",
    });
    expect(await management.of("theirs")).toEqual(before);
    expect((await api.ask("GET", clusterPath(run.resourceId))).status).toBe(404);
  });
});

describe.concurrent("a cluster", { timeout: 120_000 }, () => {
  it("is not changed by two at a time, nor deleted while it is protected", async ({ expect }) => {
    const body = clusterBody("steady", { protected: true });
    const creation = await api.good("POST", clustersPath, { body });
    const { id } = creation.data as Cluster;
    const path = clusterPath(id);
    const early = await api.ask("DELETE", path);
    expect(early.error, early.text).toMatchObject({
      code: "CONFLICT",
      details: { activeRunId: creation.run },
    });
    expect(await api.ended(creation.run)).toMatchObject({ status: "completed" });
    const scale = { nodePool: "workers", nodeCount: 2 };
    const { run } = await api.good("POST", `${path}/scale`, { body: scale });
    const busy = await Promise.all([
      api.ask("POST", `${path}/scale`, { body: { ...scale, nodeCount: 3 } }),
      api.ask("POST", `${path}/upgrade`, { body: { kubernetesVersion: "v1.34.5" } }),
      api.ask("DELETE", path),
    ]);
    for (const { status, error } of busy) {
      expect([status, error?.code]).toEqual([409, "CONFLICT"]);
      expect(error?.message).toContain(`is being changed by ${run}`);
      expect(error?.details).toMatchObject({ activeRunId: run });
    }
    expect(await api.ended(run)).toMatchObject({ status: "completed" });
    const refused = [
      ["scale", { nodePool: "gone", nodeCount: 2 }, 400, "nodePool must be one of workers"],
      ["upgrade", { kubernetesVersion: "v1.35.2" }, 409, "skips a minor version"],
      ["upgrade", { kubernetesVersion: "v1.32.13" }, 409, "cannot be downgraded"],
      ["upgrade", { kubernetesVersion: "v1.34.99" }, 400, "is not offered"],
    ] as const;
    for (const [verb, asked, status, words] of refused) {
      const answer = await api.ask("POST", `${path}/${verb}`, { body: asked });
      expect([answer.status, answer.error?.message]).toEqual([
        status,
        expect.stringContaining(words),
      ]);
    }
    const kept = await api.ask("DELETE", path);
    expect([kept.status, kept.error?.code]).toEqual([409, "CONFLICT"]);
    expect(kept.error?.message).toContain('{ "protected": false }');
    await api.good("PATCH", path, { body: { protected: false } });
    await api.completed("DELETE", path);
    expect(await management.of("steady")).toEqual({});
    expect((await api.ask("DELETE", path)).error?.message).toContain("is deleted");
  });

  it("is deleted while it is created once the creation is cancelled", async ({ expect }) => {
    const { run } = await api.good("POST", clustersPath, { body: clusterBody("hasty") });
    await api.until(run, ({ steps }) =>
      steps.some(({ name, status }) => name === "apply-cluster" && status === "completed"),
    );
    expect((await act(run, "cancel", { reason: "not wanted" })).status).toBe(202);
    const ended = await api.ended(run);
    expect(ended, summary(ended)).toMatchObject({
      status: "cancelled",
      cleanup: "complete",
      attention: null,
    });
    expect(await management.of("hasty")).toEqual({});
    expect((await api.ask("GET", clusterPath(ended.resourceId))).status).toBe(404);
    await api.completed("POST", clustersPath, clusterBody("hasty"));
  });

  it("whose object somebody deletes is missed while it comes to be", async ({ expect }) => {
    const body = clusterBody("lost-control-plane-hangs");
    const { run } = await api.good("POST", clustersPath, { body });
    await waitsAt(run, "await-control-plane");
    const path = clusterObject("lost-control-plane-hangs");
    expect((await management.ask("DELETE", path)).status).toBe(200);
    const ended = await api.ended(run);
    expect(failedAt(ended), summary(ended)).toEqual({
      status: "failed",
      code: "KUBERNETES_REJECTED",
      step: "await-control-plane",
    });
    expect(ended.error?.message).toContain("somebody else");
    expect(ended).toMatchObject({ cleanup: "complete", attention: null });
    expect(await management.of("lost-control-plane-hangs")).toEqual({});
    expect((await api.ask("GET", clusterPath(ended.resourceId))).status).toBe(404);
  });

  it("whose object somebody deletes while it runs can only be deleted", async ({ expect }) => {
    const { resourceId } = await api.completed("POST", clustersPath, clusterBody("taken"));
    const path = clusterPath(resourceId);
    expect((await management.ask("DELETE", clusterObject("taken"))).status).toBe(200);
    await expect.poll(() => management.of("taken"), { timeout: 60_000 }).toEqual({});
    for (const [verb, body] of [
      ["scale", { nodePool: "workers", nodeCount: 2 }],
      ["upgrade", { kubernetesVersion: "v1.34.5" }],
    ] as const) {
      const run = await api.follow("POST", `${path}/${verb}`, body);
      expect(run.error, summary(run)).toMatchObject({
        code: "KUBERNETES_REJECTED",
        step: "validate",
      });
      expect(run.error?.message).toContain("somebody else has deleted it");
      expect(run.attention).toBeNull();
    }
    await api.completed("DELETE", path);
    expect((await api.ask("GET", path)).data).toMatchObject({ state: "deleted" });
  });

  it("is not scaled over a number that another manager applied, until it lets it go", async ({
    expect,
  }) => {
    const { resourceId } = await api.completed("POST", clustersPath, clusterBody("shared"));
    const { headers, text } = await api.ask("GET", `${clusterPath(resourceId)}/kubeconfig`);
    expect([headers.get("kubeconfig-current"), text]).toEqual([
      "true",
      expect.stringContaining("kind: Config"),
    ]);
    const path = clusterObject("shared");
    const { body: object } = (await management.ask("GET", path)) as {
      body: { spec: { topology: object } };
    };
    const applyAsFlux = async (spec: object): Promise<void> => {
      const applied = await management.ask("PATCH", `${path}?fieldManager=flux&force=true`, {
        body: {
          apiVersion: "cluster.x-k8s.io/v1beta2",
          kind: "Cluster",
          metadata: { name: "shared", namespace: "default" },
          spec,
        },
        contentType: "application/apply-patch+yaml",
      });
      expect(applied.status, JSON.stringify(applied.body)).toBe(200);
    };
    const machineDeployments = [{ class: "worker", name: "workers", replicas: 2 }];
    await applyAsFlux({ topology: { ...object.spec.topology, workers: { machineDeployments } } });
    const scale = { nodePool: "workers", nodeCount: 3 };
    const refused = await api.follow("POST", `${clusterPath(resourceId)}/scale`, scale);
    expect(refused.error, summary(refused)).toMatchObject({
      code: "CONFLICT",
      step: "validate",
      details: { reason: "FieldManagerConflict", causes: [{ manager: "flux" }] },
    });
    const replicas = async () => JSON.stringify((await management.ask("GET", path)).body);
    expect(await replicas()).toContain('"replicas":2');
    await applyAsFlux({});
    await api.completed("POST", `${clusterPath(resourceId)}/scale`, scale);
    expect(await replicas()).toContain('"replicas":3');
  });
});

describe.concurrent("a virtual machine", { timeout: 120_000 }, () => {
  it("that does not run is not paused, and one that is gone is missed", async ({ expect }) => {
    const { resourceId } = await api.completed("POST", vmsPath, vmBody("idle", { running: false }));
    const path = vmPath(resourceId);
    for (const action of ["pause", "unpause", "restart"]) {
      const answer = await api.ask("POST", `${path}/power`, { body: { action } });
      expect(answer.error, answer.text).toMatchObject({ code: "INVALID_STATE_TRANSITION" });
      expect(answer.error?.details).toMatchObject({ allowed: ["start", "stop", "delete"] });
    }
    expect((await management.ask("DELETE", vmObject("idle"))).status).toBe(200);
    await expect.poll(() => management.of("idle"), { timeout: 60_000 }).toEqual({});
    const run = await api.follow("POST", `${path}/power`, { action: "start" });
    expect(run.error, summary(run)).toMatchObject({
      code: "KUBERNETES_REJECTED",
      step: "validate",
    });
    expect(run.error?.message).toContain("somebody else has deleted it");
    await api.completed("DELETE", path);
  });
});
