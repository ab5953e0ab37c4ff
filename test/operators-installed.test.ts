import { afterAll, beforeAll, expect, it } from "vitest";
import type { ClusterDriver } from "#contract/cluster.ts";
import { createKubernetes, type Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import { groupsForMs } from "#drivers/kubernetes/options.ts";
import { testOptions, writing } from "#drivers/kubernetes/testing/test-client.ts";
import { catalogue } from "#lab/kubernetes/kinds/catalogue.ts";
import { manifestOf } from "#lab/kubernetes/kinds/manifest.ts";
import { type TryCluster, tryCluster } from "#lab/kubernetes/try-cluster.ts";

/** A management cluster may have the one operator of clusters, the other, both or none. */

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const manifests = catalogue.map(manifestOf);
const groups = ["cluster.x-k8s.io", "k0rdent.mirantis.com"];

let nowMs = 0;
let lab: TryCluster;
let ours: Kubernetes;
beforeAll(async () => {
  lab = await tryCluster();
  const clock = { now: () => nowMs, sleep: async () => undefined };
  ours = await createKubernetes(testOptions({ text: lab.cluster.kubeconfig }, { clock }));
});
afterAll(async () => {
  ours.close();
  await lab.end();
});

/** Installs the definitions of a group, or takes them away. */
const change = async (group: string, method: "POST" | "DELETE"): Promise<void> => {
  for (const manifest of manifests.filter(({ spec }) => spec["group"] === group)) {
    const path = method === "POST" ? definitions : `${definitions}/${manifest.metadata.name}`;
    const told = await lab.ask(method, path, method === "POST" ? { body: manifest } : {});
    expect(told.status).toBeLessThan(300);
  }
  nowMs += groupsForMs;
};

const isOffered = async (driver: ClusterDriver): Promise<boolean> =>
  (await ours.clusters[driver].offered(ours.defaultPlace("default"), writing())) !== null;

const bothOffered = async (): Promise<readonly boolean[]> => [
  await isOffered("cluster-api"),
  await isOffered("k0rdent"),
];

/** What was asked for of the operators' kinds. */
const asked = (): readonly string[] =>
  lab.cluster.requests
    .list()
    .filter(({ resource }) => groups.some((group) => resource.endsWith(`.${group}`)))
    .map(({ resource }) => resource);

it("is asked only for what it serves, and for what is installed later as soon as it is seen", async () => {
  for (const group of groups) await change(group, "DELETE");
  expect(await bothOffered()).toEqual([false, false]);
  expect(asked()).toEqual([]);
  await change("cluster.x-k8s.io", "POST");
  expect(await bothOffered()).toEqual([true, false]);
  expect(asked().filter((resource) => resource.includes("k0rdent"))).toEqual([]);
  await change("k0rdent.mirantis.com", "POST");
  expect(await bothOffered()).toEqual([true, true]);
  await change("cluster.x-k8s.io", "DELETE");
  expect(await bothOffered()).toEqual([false, true]);
});
