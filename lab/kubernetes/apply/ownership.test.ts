import { describe, expect, it } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { trackUpdate } from "./managed-fields.ts";
import { serverSideApply } from "./server-side-apply.ts";

/*
 * What a real API server (1.36) was measured to note of who owns what (test/twin).
 */

const now = "2026-02-03T04:05:06Z";
const object = (spec: object): KubeObject =>
  ({
    apiVersion: "example.com/v1",
    kind: "Foo",
    metadata: { name: "one" },
    spec,
  }) as unknown as KubeObject;
const who = { manager: "a", apiVersion: "example.com/v1", now };

const made = (spec: object): KubeObject => trackUpdate({ ...who, live: null, next: object(spec) });
const write = (live: KubeObject, spec: object, more: object = {}): KubeObject =>
  trackUpdate({ ...who, manager: "b", live, next: { ...live, spec }, ...more });

describe("who owns what", () => {
  it("is not noted any more for an object of which nobody owned anything", () => {
    expect(write(object({ x: 1 }), { x: 2 }).metadata.managedFields).toBeUndefined();
  });

  it("is the scale's for a number that came through /scale, at no time", () => {
    const scaled = write(made({ x: 1, y: 1 }), { x: 2, y: 1 }, { subresource: "scale" });
    expect(scaled.metadata.managedFields).toMatchObject([
      { manager: "b", subresource: "scale", fieldsV1: { "f:spec": { "f:x": {} } } },
      { manager: "a", time: now, fieldsV1: { "f:spec": { ".": {}, "f:y": {} } } },
    ]);
    expect(scaled.metadata.managedFields?.[0]).not.toHaveProperty("time");
  });

  it("has no time when an apply has changed nothing else", () => {
    const live = made({ x: 1 });
    const applied = serverSideApply({
      live,
      applied: object({ x: 1 }),
      manager: "c",
      force: false,
      schema: null,
      now,
    });
    if (applied.kind !== "applied") throw new Error(applied.kind);
    const [owner] = applied.object.metadata.managedFields ?? [];
    expect(owner).toMatchObject({ manager: "c", operation: "Apply" });
    expect(owner).not.toHaveProperty("time");
  });
});
