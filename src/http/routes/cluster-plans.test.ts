import { afterAll, beforeAll, expect, it } from "vitest";
import { Cluster } from "#contract/cluster.ts";
import { type ApiWorld, clustersPath, openApiWorld, poolsPath } from "#test/api-world.ts";

/** A plan of a change to clusters says what its run would fail for by what is recorded. */

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
  await world.read("POST", poolsPath, { body: { name: "empty", members: [] } });
});
afterAll(() => world.close());

const body = (name: string, more: object = {}) => ({
  name,
  kubernetesVersion: "v1.34.2",
  controlPlane: { replicas: 1 },
  nodePools: [],
  ...more,
});
const refusals = async (path: string, asked: object): Promise<unknown> => {
  const { status, body: answer } = await world.read("POST", `${path}?plan=true`, { body: asked });
  expect(status).toBe(200);
  return (answer.data as { readonly refusals: unknown }).refusals;
};
const lacks = (needed: number) => [
  expect.objectContaining({
    code: "POOL_CAPACITY_EXCEEDED",
    details: { pool: "empty", needed, free: 0, total: 0 },
  }),
];
async function running(name: string, more: object): Promise<string> {
  world.ports.behaviour = "end";
  const made = await world.read("POST", clustersPath, {
    body: body(name, more),
    headers: { prefer: "wait=30" },
  });
  expect([made.status, made.body.error]).toEqual([200, undefined]);
  return `${clustersPath}/${Cluster.parse(made.body.data).id}`;
}

it("of a creation: servers that its pools do not have", async () => {
  const workers = { name: "workers", nodeCount: 3, pool: "empty" };
  const pooled = { controlPlane: { replicas: 1, pool: "empty" }, nodePools: [workers] };
  expect(await refusals(clustersPath, body("short", pooled))).toEqual(lacks(4));
  expect(await refusals(clustersPath, body("virtual"))).toEqual([]);
});

it("of a node pool that grows: those that it would need more", async () => {
  const workers = { name: "workers", nodeCount: 0, pool: "empty" };
  const others = { name: "others", nodeCount: 1 };
  const scale = `${await running("growing", { nodePools: [workers, others] })}/scale`;
  expect(await refusals(scale, { nodePool: "workers", nodeCount: 2 })).toEqual(lacks(2));
  expect(await refusals(scale, { nodePool: "workers", nodeCount: 0 })).toEqual([]);
  expect(await refusals(scale, { nodePool: "others", nodeCount: 2 })).toEqual([]);
});

it("of an upgrade: the spare servers, unless none are wished", async () => {
  const path = await running("upgraded", { controlPlane: { replicas: 1, pool: "empty" } });
  const asked = { kubernetesVersion: "v1.34.3" };
  // The stand-in's runs draw no servers, so that of its one machine is lacking too.
  expect(await refusals(`${path}/upgrade`, asked)).toEqual(lacks(2));
  expect(await refusals(`${path}/upgrade`, { ...asked, spareServers: false })).toEqual([]);
});
