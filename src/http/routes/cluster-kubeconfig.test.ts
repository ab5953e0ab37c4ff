import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Cluster } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { type Answer, type ApiWorld, clustersPath, openApiWorld } from "#test/api-world.ts";
import { heardOf } from "#test/cluster-offers.ts";
import { kubeconfigText } from "#test/compute-workflows.ts";

/** A cluster's kubeconfig is what its management cluster has now, else what was stored, and every download is on record. */

let world: ApiWorld;
let atManagementCluster: () => Promise<string | null>;
const silent = async (): Promise<string | null> => {
  throw new Failure("KUBERNETES_UNAVAILABLE", "no answer from mgmt");
};
const renewed = kubeconfigText.replace("kind: Config", "kind: Config # of the second year");
const newest = kubeconfigText.replace("kind: Config", "kind: Config # of the third year");

beforeAll(async () => {
  const kubernetes = { ...heardOf, kubeconfigOf: () => atManagementCluster() };
  world = await openApiWorld({ kubernetes });
});
beforeEach(() => {
  world.ports.behaviour = "end";
  atManagementCluster = async () => kubeconfigText;
});
afterAll(() => world.close());

let last = 0;
async function create(prefer = "wait=30"): Promise<string> {
  last += 1;
  const body = {
    name: `cluster-${last}`,
    kubernetesVersion: "v1.34.2",
    controlPlane: { replicas: 3 },
    nodePools: [{ name: "workers", nodeCount: 2 }],
  };
  const { body: answer } = await world.read("POST", clustersPath, { body, headers: { prefer } });
  return `${clustersPath}/${Cluster.parse(answer.data).id}`;
}
const idOf = (path: string): string => path.slice(clustersPath.length + 1);
const refusal = ({ status, body }: Answer) => [status, body.error?.code];
const refused = (path: string) => world.read("GET", `${path}/kubeconfig`);
async function download(path: string) {
  const answer = await world.ask("GET", `${path}/kubeconfig`);
  expect(answer.status).toBe(200);
  const { headers } = answer;
  return {
    headers,
    text: await answer.text(),
    current: headers.get("kubeconfig-current"),
    readAt: headers.get("kubeconfig-read-at"),
  };
}
/** A download to which the management cluster has given its text, which is still on its way. */
async function underWay(path: string, text: string) {
  const { promise: arrival, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: isAsked, resolve: ask } = Promise.withResolvers<void>();
  atManagementCluster = async () => {
    ask();
    await arrival;
    return text;
  };
  const downloaded = download(path);
  await isAsked;
  return { arrive, downloaded };
}
/** The newest facts, the newest first. */
async function facts(path: string, limit: number): Promise<unknown> {
  return (await world.read("GET", `${path}/events?limit=${limit}`)).body.data;
}
const forgetSecret = (path: string) =>
  world.db.query("delete from secrets where owner = $1", [idOf(path)]);

it("is given as the management cluster has it, and who has read it is said before", async () => {
  const path = await create();
  const { headers, text, current, readAt } = await download(path);
  expect(headers.get("content-type")).toContain("application/yaml");
  expect(headers.get("cache-control")).toBe("no-store");
  expect([text, current]).toEqual([kubeconfigText, "true"]);
  expect(Date.parse(readAt ?? "")).not.toBeNaN();
  // What is the same is not stored anew.
  expect(await facts(path, 2)).toMatchObject([
    { type: "cluster.kubeconfig_read", actor: "admin" },
    { type: "cluster.run_ended" },
  ]);
  expect(JSON.stringify(world.log)).not.toContain("kind: Config");
});

it("that was renewed takes the place of the stored one, as a fact", async () => {
  const path = await create();
  const sealed = () =>
    world.db.query<{ sealed: Uint8Array }>("select sealed from secrets where owner = $1", [
      idOf(path),
    ]);
  const [before] = await sealed();
  atManagementCluster = async () => renewed;
  expect(await download(path)).toMatchObject({ text: renewed, current: "true" });
  expect(await facts(path, 2)).toMatchObject([
    { type: "cluster.kubeconfig_read", actor: "admin" },
    { type: "cluster.kubeconfig_stored", actor: "admin" },
  ]);
  const [after] = await sealed();
  expect(after).not.toEqual(before);
  expect(Buffer.from(after?.sealed ?? []).toString("latin1")).not.toContain("second year");
  atManagementCluster = silent;
  expect(await download(path)).toMatchObject({ text: renewed, current: "false" });
});

it("that was read before another one does not take its place when it arrives after it", async () => {
  const path = await create();
  const first = await underWay(path, renewed);
  atManagementCluster = async () => newest;
  expect(await download(path)).toMatchObject({ text: newest, current: "true" });
  first.arrive();
  expect(await first.downloaded).toMatchObject({ text: newest, current: "true" });
  atManagementCluster = silent;
  expect(await download(path)).toMatchObject({ text: newest, current: "false" });
});

it("that was read last is the stored one also when an older one was stored while it was on its way", async () => {
  const path = await create();
  const last = await underWay(path, newest);
  atManagementCluster = async () => renewed;
  expect(await download(path)).toMatchObject({ text: renewed, current: "true" });
  atManagementCluster = async () => newest;
  last.arrive();
  expect(await last.downloaded).toMatchObject({ text: newest, current: "true" });
  atManagementCluster = silent;
  expect(await download(path)).toMatchObject({ text: newest, current: "false" });
});

it("is the stored one, and says from when, where the management cluster cannot be asked or has none", async () => {
  const path = await create();
  const { createdAt } = Cluster.parse((await world.read("GET", path)).body.data);
  for (const answer of [silent, async () => null]) {
    atManagementCluster = answer;
    const { text, current, readAt } = await download(path);
    expect([text, current]).toEqual([kubeconfigText, "false"]);
    expect(Date.parse(readAt ?? "")).toBeGreaterThanOrEqual(Date.parse(createdAt));
    expect(await facts(path, 1)).toMatchObject([{ type: "cluster.kubeconfig_read" }]);
  }
});

it("that is no longer stored is still given where it is, and missed in clear words where it is not", async () => {
  const path = await create();
  await forgetSecret(path);
  expect(await download(path)).toMatchObject({ text: kubeconfigText, current: "true" });
  atManagementCluster = silent;
  const unknown = await refused(path);
  expect(refusal(unknown)).toEqual([503, "UNAVAILABLE"]);
  expect(unknown.body.error.message).toContain("no answer from mgmt");
  atManagementCluster = async () => null;
  const none = await refused(path);
  expect(refusal(none)).toEqual([404, "NOT_FOUND"]);
  expect(none.body.error.message).toContain("there is none on the management cluster");
});

it("is not given when that cannot be written down", async () => {
  const path = await create();
  const unwritten = await openApiWorld({
    engine: {
      ...world.engine,
      record: async () => {
        throw new Failure("UNAVAILABLE", "the journal does not answer");
      },
    },
    clusters: world.deps.clusters,
    reveal: (id) => world.deps.reveal(id),
  });
  expect(refusal(await unwritten.read("GET", `${path}/kubeconfig`))[0]).toBe(503);
  await unwritten.close();
});

it("is not there before the creation has come so far, nor after the deletion", async () => {
  world.ports.behaviour = "wait";
  const young = await refused(await create("respond-async"));
  expect(refusal(young)).toEqual([404, "NOT_FOUND"]);
  expect(young.body.error.message).toContain("it is creating");
  world.ports.behaviour = "end";
  const path = await create();
  await world.read("DELETE", path, { headers: { prefer: "wait=30" } });
  const deleted = await refused(path);
  expect(refusal(deleted)).toEqual([404, "NOT_FOUND"]);
  expect(deleted.body.error.message).toContain("is deleted, and its kubeconfig with it");
  expect(await world.db.query("select 1 from secrets where owner = $1", [idOf(path)])).toEqual([]);
});
