import { expect, test } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { ObjectStore } from "./store.ts";

const megabyte = 1024 * 1024;

function configMap(name: string, text: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "n", uid: name, resourceVersion: "", creationTimestamp: "" },
    data: { text },
  };
}

/** Stores one object again and again. @returns how many of the changes are known still. */
function known(count: number, text: string): number {
  const store = new ObjectStore(null);
  const start = store.revision;
  for (let index = 0; index < count; index += 1) store.put(configMap("a", text));
  for (let revision = start; revision < store.revision; revision += 1) {
    const since = store.since("ConfigMap", revision);
    expect(store.at("ConfigMap", revision) === undefined).toBe(since === undefined);
    if (since !== undefined) return since.length;
  }
  return 0;
}

test("the history of a kind is cut off by its number of changes, and the window moves with it", () => {
  expect(known(10_000, "")).toBe(10_000);
  expect(known(11_001, "")).toBe(10_000);
});

test("the history of a kind is cut off by its weight as well, and the window moves with it", () => {
  const text = "x".repeat(megabyte);
  expect(known(60, text)).toBe(60);
  const kept = known(100, text);
  expect(kept).toBeGreaterThan(60);
  expect(kept).toBeLessThan(71);
});
