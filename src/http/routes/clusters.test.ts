import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Cluster } from "#contract/cluster.ts";
import { poolTable } from "#domain/pool/row.ts";
import { bindPool } from "#engine/resources.ts";
import { rebuild } from "#projections/rebuild.ts";
import {
  type Answer,
  type ApiWorld,
  type AskOptions,
  clustersPath,
  eventually,
  openApiWorld,
  poolsPath,
} from "#test/api-world.ts";
import { forgetLooks, looksAgain } from "#test/cluster-offers.ts";
import { computeBindings } from "#test/compute-workflows.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
beforeEach(() => {
  world.ports.behaviour = "end";
});
afterAll(() => world.close());

let last = 0;
const newBody = (more: object = {}): Record<string, unknown> => {
  last += 1;
  return {
    name: `cluster-${last}`,
    kubernetesVersion: "v1.34.2",
    controlPlane: { replicas: 3 },
    nodePools: [{ name: "workers", nodeCount: 2 }],
    ...more,
  };
};
const wait = { prefer: "wait=30" };
const create = (more: object = {}, options: AskOptions = {}): Promise<Answer> =>
  world.read("POST", clustersPath, { body: newBody(more), ...options });
async function running(more: object = {}): Promise<Cluster> {
  const { status, body } = await create(more, { headers: wait });
  expect([status, body.error]).toEqual([200, undefined]);
  return Cluster.parse(body.data);
}
const pathOf = ({ id }: Pick<Cluster, "id">): string => `${clustersPath}/${id}`;
const ask = async (cluster: Pick<Cluster, "id">, act: string, body: object) =>
  world.read("POST", `${pathOf(cluster)}/${act}`, { body, headers: wait });
const refusal = ({ status, body }: Answer) => [status, body.error?.code];

/** As few pools as that many nodes need, each of the largest size but the last. */
const poolsOf = (nodes: number) =>
  Array.from({ length: Math.ceil(nodes / 1_000) }, (_, n) => ({
    name: `pool-${n}`,
    nodeCount: Math.min(1_000, nodes - n * 1_000),
  }));

describe("creating a cluster", () => {
  it("is accepted at once, with what was left to choose chosen", async () => {
    world.ports.behaviour = "wait";
    const { status, body, headers } = await create({ protected: true });
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/workflows/runs/${String(body.meta["workflowId"])}`);
    expect(Cluster.parse(body.data)).toMatchObject({
      state: "creating",
      driver: "cluster-api",
      class: "metal",
      template: null,
      place: { managementCluster: "mgmt", namespace: "default" },
      nodePools: [{ name: "workers", nodeCount: 2 }],
      protected: true,
      actions: [],
      activeRunId: body.meta["workflowId"],
    });
    const run = await world.read("GET", `/v1/workflows/runs/${String(body.meta["workflowId"])}`);
    expect(run.body.data).toMatchObject({ source: "arc", resourceType: "cluster" });
    const read = await world.read("GET", pathOf(body.data as Cluster));
    // The fields in their order; what the run at work may have changed meanwhile are values.
    const form = (data: unknown): string =>
      JSON.stringify({ ...(data as Cluster), problems: [] }, (_name, value: unknown) =>
        typeof value === "object" ? value : 0,
      );
    expect(form(read.body.data)).toBe(form(body.data));
  });

  it("leaves nothing when it fails, and can be retried with another name", async () => {
    world.ports.behaviour = "fail";
    const { status, body } = await create({}, { headers: wait });
    expect([status, body.error.code]).toEqual([500, "KUBERNETES_REJECTED"]);
    const { run, clusterId } = body.error.details as unknown as Record<string, string>;
    expect((await world.read("GET", `${clustersPath}/${clusterId}`)).status).toBe(404);
    world.ports.behaviour = "end";
    const retried = await world.read("POST", `/v1/workflows/runs/${run}/retry`, {
      body: { input: { name: "second-try", nodePools: [] } },
      headers: wait,
    });
    expect(retried.status).toBe(200);
    const found = await world.read("GET", `${clustersPath}/${clusterId}`);
    expect(found.body.data).toMatchObject({ name: "second-try", nodePools: [], state: "running" });
  });

  it("takes a template that gives the version, and asks when there are several", async () => {
    const driver = "k0rdent";
    const credential = "aws";
    expect(await running({ driver, credential, kubernetesVersion: "v1.35.0" })).toMatchObject({
      template: "a-1-35",
      class: null,
    });
    expect(await running({ driver, credential, template: "b-1-34" })).toMatchObject({
      template: "b-1-34",
    });
    const several = await create({ driver, credential });
    expect(several.body.error.details.fields).toEqual({
      template: "must be given: v1.34.2 is what a-1-34, b-1-34 give",
    });
    const none = await create({ driver, credential, kubernetesVersion: "v1.36.0" });
    expect(none.body.error.details.fields["kubernetesVersion"]).toContain("v1.34.2, v1.35.0");
    const unknown = await create({ driver, credential, template: "c" });
    expect(unknown.body.error.details.fields["template"]).toContain("is not offered");
    const other = await create({ driver, credential, template: "a-1-35" });
    expect(other.body.error.details.fields["kubernetesVersion"]).toContain("must be v1.35.0");
  });

  it("refuses a group without a pool where its machines would be made of any free host", async () => {
    const refused = async (more: object) => {
      const { status, body } = await create({ managementCluster: "greedy", ...more });
      return [status, Object.keys(body.error?.details?.fields ?? {})];
    };
    const both = ["controlPlane.pool", "nodePools[0].pool"];
    expect(await refused({})).toEqual([400, both]);
    expect(await refused({ class: "metal" })).toEqual([400, both]);
    expect(await refused({ managementCluster: "hosted" })).toEqual([400, both.slice(1)]);
    expect(await refused({ managementCluster: "hosted", nodePools: [] })).toEqual([202, []]);
    // Hosts of one's own: which they are is the run's to judge.
    expect(await refused({ config: { hostSelector: { of: "others" } } })).toEqual([202, []]);
  });

  it("refuses a class or a version of it that is known not to be there", async () => {
    const fieldsOf = async (more: object) => {
      const { status, body } = await create(more);
      return [status, body.error?.details?.fields];
    };
    const none = "is not offered: offered is metal, as of 2026-03-02T08:05:00.000Z";
    expect(await fieldsOf({ class: "marble" })).toEqual([400, { class: none }]);
    const [status, fields] = await fieldsOf({ class: "metal", kubernetesVersion: "v1.36.0" });
    expect([status, Object.keys(fields as object)]).toEqual([400, ["kubernetesVersion"]]);
    // One that lists no versions takes any.
    const loose = { managementCluster: "loose", kubernetesVersion: "v1.36.0" };
    expect(await fieldsOf({ ...loose, class: "loose" })).toEqual([202, undefined]);
    expect((await running(loose)).class).toBe("loose");
    // What was known once and is not fresh refuses nothing.
    const stale = { class: "marble", managementCluster: "stale" };
    expect(await fieldsOf(stale)).toEqual([202, undefined]);
    const bare = await fieldsOf({ class: "metal", managementCluster: "bare" });
    expect(bare[0]).toBe(400);
    expect((bare[1] as Record<string, string>)["driver"]).toContain("is not installed there");
    expect((await fieldsOf({ managementCluster: "bare" }))[0]).toBe(400);
    const shown = await world.read("GET", `${clustersPath}/versions?managementCluster=bare`);
    expect([shown.body.data, shown.body.meta["problem"]]).toEqual([
      [],
      expect.stringContaining("is not installed there"),
    ]);
  });

  it.each([
    ["class", { class: "marble" }],
    ["template", { driver: "k0rdent", credential: "aws", template: "a-1-36" }],
  ])("looks once more before it refuses a %s, which may be new", async (_what, more) => {
    forgetLooks();
    const asked = { managementCluster: "growing", kubernetesVersion: "v1.36.0", ...more };
    expect((await create(asked)).status).toBe(202);
    forgetLooks();
    const unknown = { ...asked, kubernetesVersion: "v1.37.0" };
    expect(refusal(await create(unknown))).toEqual([400, "VALIDATION_ERROR"]);
    expect(looksAgain()).toBe(1);
  });

  it("refuses what the request alone can tell, field by field", async () => {
    const cases: readonly (readonly [object, string])[] = [
      [{ name: "Prod" }, "name"],
      [{ kubernetesVersion: "1.34" }, "kubernetesVersion"],
      [{ controlPlane: { replicas: 2 } }, "controlPlane.replicas"],
      [{ template: "x" }, "template"],
      [{ driver: "k0rdent", class: "x", credential: "aws" }, "class"],
      [{ driver: "k0rdent", template: "a-1-34" }, "credential"],
      [
        {
          driver: "k0rdent",
          credential: "aws",
          template: "a-1-34",
          nodePools: [
            { name: "a", nodeCount: 1 },
            { name: "b", nodeCount: 1 },
          ],
        },
        "nodePools",
      ],
      [{ managementCluster: "elsewhere" }, "managementCluster"],
      [{ nodePools: [{ name: "control-plane", nodeCount: 1 }] }, "nodePools[0].name"],
      [{ nodePools: [{ name: "a", nodeCount: 1_001 }] }, "nodePools[0].nodeCount"],
      [
        {
          nodePools: [
            { name: "a", nodeCount: 1 },
            { name: "a", nodeCount: 1 },
          ],
        },
        "nodePools[1].name",
      ],
      [{ nodePools: poolsOf(5_000 - 3 + 1) }, "nodePools"],
      [
        { nodePools: Array.from({ length: 21 }, (_, n) => ({ name: `p${n}`, nodeCount: 0 })) },
        "nodePools",
      ],
      [{ surprise: true }, "surprise"],
    ];
    for (const [more, field] of cases) {
      const { status, body } = await create(more);
      expect([status, Object.keys(body.error?.details?.fields ?? {})], field).toEqual([
        400,
        [field],
      ]);
    }
  });

  it("names every field that names a pool of servers which is not there", async () => {
    const { status, body } = await create({
      controlPlane: { replicas: 1, pool: "gpu-a" },
      nodePools: [
        { name: "a", nodeCount: 1 },
        { name: "b", nodeCount: 1, pool: "gpu-a" },
      ],
    });
    expect([status, Object.keys(body.error.details.fields)]).toEqual([
      400,
      ["controlPlane.pool", "nodePools[1].pool"],
    ]);
    await world.read("POST", poolsPath, { body: { name: "gpu-a", members: [] } });
    expect((await create({ controlPlane: { replicas: 1, pool: "gpu-a" } })).status).toBe(202);
  });

  it("says when it is not known what is offered, unless nothing has to be known", async () => {
    const unknown = await create({ managementCluster: "edge" });
    expect(refusal(unknown)).toEqual([503, "UNAVAILABLE"]);
    expect(unknown.headers.get("retry-after")).not.toBeNull();
    expect((await create({ managementCluster: "edge", class: "metal" })).status).toBe(202);
  });

  it("has a name of its own at its place, also among several at once", async () => {
    const first = await running();
    const again = await create({ name: first.name });
    expect(refusal(again)).toEqual([409, "CONFLICT"]);
    expect(again.body.error.message).toContain(first.id);
    const planned = await world.read("POST", `${clustersPath}?plan=true`, {
      body: newBody({ name: first.name }),
    });
    expect(planned.body.data).toMatchObject({
      workflow: "cluster.create",
      refusals: [{ code: "CONFLICT", details: { clusterId: first.id } }],
    });
    expect((await create({ name: first.name, managementCluster: "edge", class: "x" })).status).toBe(
      202,
    );
    const all = await Promise.all(Array.from({ length: 6 }, () => create({ name: "twin" })));
    expect(all.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(new Set(all.flatMap(({ body }) => body.error?.code ?? []))).toEqual(
      new Set(["CONFLICT"]),
    );
  });

  it("writes nothing for a plan, and once for one key", async () => {
    const count = async () =>
      (await world.read("GET", clustersPath)).body.meta["pagination"] as { total: number };
    const before = (await count()).total;
    const planned = await world.read("POST", `${clustersPath}?plan=true`, { body: newBody() });
    expect(planned.body.data).toMatchObject({ workflow: "cluster.create", refusals: [] });
    expect((await count()).total).toBe(before);

    const options = { body: newBody(), headers: { "idempotency-key": "one-cluster" } };
    const [one, two] = [
      await world.read("POST", clustersPath, options),
      await world.read("POST", clustersPath, options),
    ];
    expect([one.status, two.status]).toEqual([202, 202]);
    expect(two.headers.get("idempotency-replayed")).toBe("true");
    expect(two.body.data).toEqual(one.body.data);
    expect((await count()).total).toBe(before + 1);
  });

  it("is refused, saying what to set, when no management cluster is configured", async () => {
    const bare = await openApiWorld({ kubernetes: null });
    const answer = await bare.read("POST", clustersPath, { body: newBody() });
    expect(refusal(answer)).toEqual([503, "UNAVAILABLE"]);
    expect(answer.body.error.message).toContain("MILLWRIGHT_KUBECONFIG");
    expect((await bare.read("GET", clustersPath)).body.data).toEqual([]);
    await bare.close();
  });
});

describe("changing a cluster", () => {
  it("scales, upgrades and deletes, each by a run", async () => {
    const cluster = await running();
    const scaled = await ask(cluster, "scale", { nodePool: "workers", nodeCount: 5 });
    expect(scaled.body.data).toMatchObject({
      state: "running",
      nodePools: [{ name: "workers", nodeCount: 5 }],
    });
    const upgraded = await ask(cluster, "upgrade", { kubernetesVersion: "v1.35.0" });
    expect(upgraded.body.data).toMatchObject({ state: "running", kubernetesVersion: "v1.35.0" });
    const deleted = await world.read("DELETE", pathOf(cluster), { headers: wait });
    expect(deleted.body.data).toMatchObject({ state: "deleted", actions: [] });
    expect(refusal(await ask(cluster, "scale", { nodePool: "workers", nodeCount: 1 }))).toEqual([
      409,
      "INVALID_STATE_TRANSITION",
    ]);
    // Its name is free again.
    expect((await create({ name: cluster.name })).status).toBe(202);
    const runs = await world.read("GET", `${pathOf(cluster)}/runs`);
    expect((runs.body.data as { type: string }[]).map(({ type }) => type)).toEqual([
      "cluster.delete",
      "cluster.upgrade",
      "cluster.scale",
      "cluster.create",
    ]);
    const events = await world.read("GET", `${pathOf(cluster)}/events?limit=1`);
    expect(events.body.data).toMatchObject([{ type: "cluster.run_ended" }]);
  });

  it("refuses what its state, its pools or its version do not allow", async () => {
    const cluster = await running();
    const pool = await ask(cluster, "scale", { nodePool: "gpus", nodeCount: 1 });
    expect(pool.body.error.details.fields).toEqual({ nodePool: "must be one of workers" });
    for (const kubernetesVersion of ["v1.34.2", "v1.33.0", "v1.36.0"])
      expect(refusal(await ask(cluster, "upgrade", { kubernetesVersion }))).toEqual([
        409,
        "INVALID_STATE_TRANSITION",
      ]);
    world.ports.behaviour = "wait";
    const scaling = await world.read("POST", `${pathOf(cluster)}/scale`, {
      body: { nodePool: "workers", nodeCount: 3 },
    });
    expect(scaling.body.data).toMatchObject({ state: "scaling", actions: [] });
    const second = await world.read("DELETE", pathOf(cluster));
    expect(refusal(second)).toEqual([409, "CONFLICT"]);
    expect(second.body.error.details).toMatchObject({
      activeRunId: scaling.body.meta["workflowId"],
    });
  });

  it("lets no cluster grow beyond what the journal can tell of it", async () => {
    const largest = await running({ nodePools: poolsOf(4_996) });
    const last = (nodeCount: number) => ask(largest, "scale", { nodePool: "pool-4", nodeCount });
    expect((await last(997)).body.data).toMatchObject({ nodePools: { 4: { nodeCount: 997 } } });
    const refused = await last(998);
    expect([refused.status, refused.body.error.details.fields]).toEqual([
      400,
      {
        nodeCount:
          "must leave the cluster with at most 5000 machines, the control plane's among them: these would be 5001",
      },
    ]);
    expect((await last(1)).status).toBe(200);
  });

  it("refuses a version that no template gives, also by a newer look", async () => {
    forgetLooks();
    const of = { driver: "k0rdent", credential: "aws", managementCluster: "growing" };
    const cluster = await running({ ...of, kubernetesVersion: "v1.35.0" });
    const answer = await ask(cluster, "upgrade", { kubernetesVersion: "v1.35.9" });
    expect(answer.body.error.details.fields["kubernetesVersion"]).toContain("is not offered");
    expect(looksAgain()).toBe(1);
    forgetLooks();
    expect((await ask(cluster, "upgrade", { kubernetesVersion: "v1.36.0" })).status).toBe(200);
  });

  it("takes one change at a time by PATCH", async () => {
    const cluster = await running();
    const patch = (body: object, options: AskOptions = {}) =>
      world.read("PATCH", pathOf(cluster), { body, headers: wait, ...options });
    expect((await patch({ nodePool: "workers", nodeCount: 7 })).body.data).toMatchObject({
      nodePools: [{ nodeCount: 7 }],
    });
    const upgraded = await patch({ kubernetesVersion: "v1.34.3", spareServers: false });
    expect(upgraded.body.data).toMatchObject({ kubernetesVersion: "v1.34.3" });
    const run = `/v1/workflows/runs/${String(upgraded.body.meta["workflowId"])}`;
    expect((await world.read("GET", run)).body.data).toMatchObject({
      input: { spareServers: false },
    });
    const keyed = { headers: { "idempotency-key": "protect-it" } };
    expect((await patch({ protected: true }, keyed)).body.data).toMatchObject({ protected: true });
    const again = await patch({ protected: true }, keyed);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const refused = await world.read("DELETE", pathOf(cluster));
    expect(refusal(refused)).toEqual([409, "CONFLICT"]);
    expect(refused.body.error.message).toContain('{ "protected": false }');
    const planned = await world.read("PATCH", `${pathOf(cluster)}?plan=true`, {
      body: { protected: false },
    });
    expect(planned.body.data).toMatchObject({ workflow: null, refusals: [] });
    expect((await patch({ protected: false })).status).toBe(200);

    for (const body of [
      {},
      { nodePool: "workers" },
      { nodeCount: 1 },
      { spareServers: false },
      { protected: true, kubernetesVersion: "v1.35.0" },
      { nodePool: "workers", nodeCount: 1, protected: true },
    ])
      expect(refusal(await patch(body)), JSON.stringify(body)).toEqual([400, "VALIDATION_ERROR"]);
    await world.read("DELETE", pathOf(cluster), { headers: wait });
    expect(refusal(await patch({ protected: true }))).toEqual([409, "INVALID_STATE_TRANSITION"]);
  });

  it("that is not there is not found", async () => {
    const nobody = { id: "cls_01KAP5ZTWB4N6W8M0C2E4G6J8K" };
    for (const answer of [
      await world.read("GET", pathOf(nobody)),
      await world.read("GET", `${pathOf(nobody)}/runs`),
      await world.read("GET", `${pathOf(nobody)}/events`),
      await world.read("GET", `${pathOf(nobody)}/kubeconfig`),
      await world.read("PATCH", pathOf(nobody), { body: { protected: true } }),
      await ask(nobody, "scale", { nodePool: "workers", nodeCount: 1 }),
      await ask(nobody, "upgrade", { kubernetesVersion: "v1.35.0" }),
      await world.read("DELETE", pathOf(nobody)),
    ])
      expect(refusal(answer)).toEqual([404, "NOT_FOUND"]);
  });
});

describe("reading clusters", () => {
  it("lists them by state, driver and name, page by page", async () => {
    const made: string[] = [];
    for (const name of ["listed-1", "listed-2", "listed-3"])
      made.unshift(
        (await running({ name, driver: "k0rdent", credential: "aws", template: "a-1-34" })).id,
      );
    const ids = async (query: string) =>
      ((await world.read("GET", `${clustersPath}?${query}`)).body.data as Cluster[]).map(
        ({ id }) => id,
      );
    expect((await ids("driver=k0rdent&state=running")).slice(0, 3)).toEqual(made);
    expect(await ids("name=listed-2")).toEqual([made[1]]);
    expect(await ids("name=listed-2&driver=cluster-api")).toEqual([]);
    const first = await world.read("GET", `${clustersPath}?driver=k0rdent&limit=2`);
    const { nextCursor } = first.body.meta["pagination"] as { nextCursor: string };
    expect((await ids(`driver=k0rdent&limit=2&cursor=${nextCursor}`))[0]).toBe(made[2]);
    expect((await world.read("GET", `${clustersPath}?state=ready`)).status).toBe(400);
  });

  it("shows what is offered, and since when", async () => {
    const { body } = await world.read("GET", `${clustersPath}/versions?driver=cluster-api`);
    expect(body.data).toMatchObject([
      { version: "v1.34.2", class: "metal", upgrades: ["v1.34.3", "v1.35.0"] },
      { version: "v1.34.3" },
      { version: "v1.35.0" },
    ]);
    expect(body.meta).toMatchObject({
      managementCluster: "mgmt",
      seenAt: "2026-03-02T08:05:00.000Z",
      problem: null,
    });
    expect(
      refusal(await world.read("GET", `${clustersPath}/versions?managementCluster=edge`)),
    ).toEqual([503, "UNAVAILABLE"]);
  });
});

it("comes out of a rebuild as it was", async () => {
  const rows = () => world.db.query("select * from clusters order by id");
  const before = await rows();
  expect(before.length).toBeGreaterThan(10);
  await world.engine.stop(1_000);
  const live = () => world.db.query("select 1 from dispatch where lease_until is not null");
  await eventually(live, (leases) => leases.length === 0);
  await world.db.query("delete from clusters");
  await rebuild({
    database: world.db,
    bindings: { ...computeBindings, pool: bindPool(poolTable) },
    now: Date.now(),
  });
  expect(await rows()).toEqual(before);
});
