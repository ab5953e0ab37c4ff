import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { Told, TryCluster } from "./try-cluster.ts";
import { makeWidget, ownedBy, settled, stored } from "./try-store.ts";
import { widgets, widgetsPath } from "./try-widgets.ts";

/*
 * What the garbage collector of Kubernetes makes of an object with several owners: those that are there keep it,
 * references to the others go.
 */

const hold = "try.example.org/hold";

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());

const make = (name: string, metadata: object = {}): Promise<Told["body"]> =>
  makeWidget(lab, name, metadata);

const remove = async (path: string): Promise<void> => {
  await lab.ask("DELETE", path);
  await settled();
};

const removeInForeground = (name: string): Promise<void> =>
  remove(`${widgetsPath}/${name}?propagationPolicy=Foreground`);

const patchMetadata = async (path: string, metadata: object): Promise<void> => {
  await lab.ask("PATCH", path, { body: { metadata }, type: "application/merge-patch+json" });
  await settled();
};

const ownersOf = (name: string): readonly string[] | undefined =>
  stored(lab, name)?.metadata.ownerReferences?.map((owner) => owner.name);

describe("an object with another living owner", () => {
  test("outlives a foreground deletion, without the reference, and does not hold it up", async () => {
    const ownerReferences = [ownedBy(await make("going"), true), ownedBy(await make("staying"))];
    await make("shared", { ownerReferences });
    await removeInForeground("going");
    expect(ownersOf("shared")).toEqual(["staying"]);
    expect(stored(lab, "shared")?.metadata.deletionTimestamp).toBeUndefined();
    expect(stored(lab, "going")).toBeUndefined();
  });

  test("loses the reference to an owner that is gone", async () => {
    const ownerReferences = [ownedBy(await make("dead")), ownedBy(await make("living"))];
    await make("left", { ownerReferences });
    await remove(`${widgetsPath}/dead`);
    expect(ownersOf("left")).toEqual(["living"]);
  });
});

test("an owner in foreground deletion goes when what held it drops the reference", async () => {
  const ownerReferences = [ownedBy(await make("waiting"), true)];
  await make("held", { ownerReferences, finalizers: [hold] });
  await removeInForeground("waiting");
  expect(stored(lab, "waiting")).toBeDefined();
  await patchMetadata(`${widgetsPath}/held`, { ownerReferences: null });
  expect(stored(lab, "waiting")).toBeUndefined();
});

test("an owner in foreground deletion goes when what held it no longer blocks it", async () => {
  const owner = await make("unblocked");
  await make("lax", { ownerReferences: [ownedBy(owner, true)], finalizers: [hold] });
  await removeInForeground("unblocked");
  await patchMetadata(`${widgetsPath}/lax`, { ownerReferences: [ownedBy(owner)] });
  expect(stored(lab, "unblocked")).toBeUndefined();
});

test("a reference to nobody that arrives by an update ends its object", async () => {
  const gone = ownedBy(await make("gone"));
  await remove(`${widgetsPath}/gone`);
  await make("adopted");
  await patchMetadata(`${widgetsPath}/adopted`, { ownerReferences: [gone] });
  expect(stored(lab, "adopted")).toBeUndefined();
});

test("an empty namespace is held by finalizers of its own until the last is taken off", async () => {
  const namespaces = "/api/v1/namespaces";
  const body = { metadata: { name: "kept", finalizers: [hold] } };
  await lab.ask("POST", namespaces, { body });
  await remove(`${namespaces}/kept`);
  const dying = await lab.ask("GET", `${namespaces}/kept`);
  expect(dying).toMatchObject({ status: 200, body: { status: { phase: "Terminating" } } });
  expect(dying.body.spec["finalizers"]).toBeUndefined();
  await patchMetadata(`${namespaces}/kept`, { finalizers: null });
  expect((await lab.ask("GET", `${namespaces}/kept`)).status).toBe(404);
});
