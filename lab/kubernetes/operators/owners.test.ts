import { expect, test } from "vitest";
import type { KubeObject, OwnerReference } from "#lab/kubernetes/object.ts";
import { classifyOwners } from "./owners.ts";

const reference = (name: string): OwnerReference => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name,
  uid: `uid-${name}`,
});

const owner = (name: string, metadata: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, uid: `uid-${name}`, resourceVersion: "1", creationTimestamp: "", ...metadata },
});

const deletionTimestamp = "2026-01-01T00:00:00Z";
const finalizers = ["foregroundDeletion"];

test("owners keep what they own until they are gone or wait for it to go", () => {
  const found = new Map<string, KubeObject | "unknown">([
    ["there", owner("there")],
    ["held", owner("held", { deletionTimestamp, finalizers: ["try.example.org/hold"] })],
    ["alive", owner("alive", { finalizers })],
    ["foreign", "unknown"],
    ["leaving", owner("leaving", { deletionTimestamp, finalizers })],
  ]);
  const names = ["there", "held", "alive", "foreign", "leaving", "gone"];
  const sorted = classifyOwners(names.map(reference), ({ name }) => found.get(name));
  expect(sorted).toEqual({
    solid: ["there", "held", "alive", "foreign"].map(reference),
    waiting: [reference("leaving")],
    dangling: [reference("gone")],
  });
});
