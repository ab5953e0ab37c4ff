import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { StoreJournal } from "./journal.ts";
import { ObjectStore } from "./store.ts";

const root = mkdtempSync(path.join(tmpdir(), "kubernetes-journal-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function object(name: string, uid: string, data: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "n", uid, resourceVersion: "", creationTimestamp: "" },
    data,
  };
}

const key = (name: string) => ({ kind: "ConfigMap", namespace: "n", name });

describe("the cluster's journal", () => {
  test("remembers objects, memories and the last revision without having been closed", () => {
    const folder = path.join(root, "plain");
    const store = new ObjectStore(new StoreJournal(folder));
    store.put(object("a", "1"));
    const changed = store.put(object("a", "1", { x: "y" }));
    store.put(object("b", "2"));
    store.remember("1", { step: 3 });
    store.remember("2", { step: 4 });
    store.remove(key("b"));
    const later = new ObjectStore(new StoreJournal(folder));
    expect(later.get(key("a"))).toEqual(changed);
    expect(later.get(key("b"))).toBeUndefined();
    expect(later.memory("1")).toEqual({ step: 3 });
    expect(later.memory("2")).toBeUndefined();
    expect(later.revision).toBe(store.revision);
    expect(later.since("ConfigMap", store.revision - 1)).toBeUndefined();
  });

  test("forgets only the line that a kill has cut", () => {
    const folder = path.join(root, "torn");
    new ObjectStore(new StoreJournal(folder)).put(object("a", "1"));
    appendFileSync(path.join(folder, "kubernetes.jsonl"), '{"object":{"apiVersion":"v1","ki');
    const later = new ObjectStore(new StoreJournal(folder));
    expect(later.get(key("a"))?.metadata.uid).toBe("1");
  });

  test("is replaced by a short one when it has grown", () => {
    const folder = path.join(root, "grown");
    const store = new ObjectStore(new StoreJournal(folder, 20_000));
    for (let count = 0; count < 500; count += 1) store.put(object("a", "1", { count }));
    const text = readFileSync(path.join(folder, "kubernetes.jsonl"), "utf8");
    expect(text.length).toBeLessThan(30_000);
    const later = new ObjectStore(new StoreJournal(folder));
    expect(later.get(key("a"))?.["data"]).toEqual({ count: 499 });
    expect(later.revision).toBe(store.revision);
  });

  test("takes a restore as the new truth", () => {
    const folder = path.join(root, "restored");
    const store = new ObjectStore(new StoreJournal(folder));
    const { revision } = store;
    store.put(object("a", "1"));
    expect(store.restore(revision)).toBe(true);
    const later = new ObjectStore(new StoreJournal(folder));
    expect(later.get(key("a"))).toBeUndefined();
    expect(later.revision).toBe(revision);
  });
});
