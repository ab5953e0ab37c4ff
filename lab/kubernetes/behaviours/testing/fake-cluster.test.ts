import { describe, expect, it } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Behaviour } from "#lab/kubernetes/behaviours/behaviour.ts";
import { FakeCluster, Refusal } from "./fake-cluster.ts";

const key = { kind: "Thing.test.example", namespace: "n", name: "a" };
const thing = {
  apiVersion: "test.example/v1",
  kind: "Thing",
  metadata: { namespace: "n", name: "a" },
  spec: { size: 1 },
};

/** Is ready a minute after it was first seen, and lets nobody make it smaller. */
const operator: Behaviour = {
  manager: "thing-operator",
  watches: [{ kind: key.kind }],
  reconciles: [key.kind],
  reconcile(object, cluster) {
    if (object.metadata.deletionTimestamp !== undefined) {
      cluster.update(key, (it) => ({ ...it, metadata: { ...it.metadata, finalizers: [] } }));
      return null;
    }
    const since = cluster.memory<number>(object) ?? cluster.now();
    cluster.remember(object, since);
    const left = since + 60_000 - cluster.now();
    cluster.update(key, (it) => ({ ...it, metadata: { ...it.metadata, finalizers: ["f"] } }));
    cluster.updateStatus(key, { ready: left <= 0 });
    return left > 0 ? left : null;
  },
  admit({ operation, object, old }) {
    const size = (it: KubeObject): number => (it["spec"] as { size: number }).size;
    return operation === "update" && old !== null && size(object) < size(old)
      ? { kind: "refused", reason: "Invalid", message: "smaller", field: "spec.size" }
      : { kind: "allowed", object };
  },
};

describe("a fake cluster", () => {
  it("wakes an operator at its time, and not before", () => {
    const cluster = new FakeCluster([operator]);
    cluster.create(thing);
    cluster.advance(59_999);
    expect(cluster.expect(key)["status"]).toEqual({ ready: false });
    cluster.advance(1);
    expect(cluster.expect(key)["status"]).toEqual({ ready: true });
  });

  it("counts a generation for a spec, none for status and metadata, and no version for nothing", () => {
    const cluster = new FakeCluster([operator]);
    cluster.create(thing);
    cluster.advance(60_000);
    expect(cluster.expect(key).metadata.generation).toBe(1);
    const before = cluster.history.length;
    cluster.update(key, (it) => ({ ...it, spec: { size: 1 } }));
    expect(cluster.history).toHaveLength(before);
    cluster.update(key, (it) => ({ ...it, spec: { size: 2 } }));
    expect(cluster.expect(key).metadata.generation).toBe(2);
  });

  it("refuses what admission refuses", () => {
    const cluster = new FakeCluster([operator]);
    cluster.create(thing);
    expect(() => cluster.update(key, (it) => ({ ...it, spec: { size: 0 } }))).toThrow(Refusal);
    expect(cluster.expect(key)["spec"]).toEqual({ size: 1 });
  });

  it("keeps a deleted object until its finalizers are gone", () => {
    const cluster = new FakeCluster([operator]);
    cluster.create(thing);
    cluster.settle();
    cluster.delete(key);
    expect(cluster.expect(key).metadata.deletionTimestamp).toBeDefined();
    cluster.settle();
    expect(cluster.get(key)).toBeUndefined();
  });
});
