import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { JsonObject } from "#lab/kubernetes/schema/json.ts";
import { trackUpdate } from "./managed-fields.ts";
import { type Apply, type Applied, serverSideApply } from "./server-side-apply.ts";
import { at, foo, isHolder, pathsIn, specs } from "./testing/samples.ts";

const now = "2026-02-03T04:05:06Z";
const later = "2026-02-03T04:06:06Z";

function applied(spec: JsonObject, metadata: JsonObject = {}): Apply["applied"] {
  return {
    apiVersion: "example.com/v1",
    kind: "Foo",
    metadata: { name: "one", ...metadata },
    spec,
  };
}

function apply(
  manager: string,
  live: KubeObject | null,
  spec: JsonObject,
  more: Partial<Apply> = {},
): Applied {
  return serverSideApply({
    live,
    applied: applied(spec),
    manager,
    force: false,
    schema: foo,
    now,
    ...more,
  });
}

/** The object that must have come of it. */
function objectOf(result: Applied): KubeObject {
  if (result.kind !== "applied") throw new Error(JSON.stringify(result));
  return result.object;
}

function created(manager: string, spec: JsonObject): KubeObject {
  return objectOf(apply(manager, null, spec));
}

function fieldsOfManager(object: KubeObject, manager: string): object | undefined {
  return object.metadata.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1;
}

describe("server-side apply", () => {
  it("makes the object and notes who applied what", () => {
    const object = created("ctl", {
      a: "p",
      items: [{ name: "x", v: "1" }],
      set: ["s"],
      list: ["l"],
    });
    expect(object).toEqual({
      ...applied({ a: "p", items: [{ name: "x", v: "1" }], set: ["s"], list: ["l"] }),
      metadata: {
        name: "one",
        managedFields: [
          {
            manager: "ctl",
            operation: "Apply",
            apiVersion: "example.com/v1",
            time: now,
            fieldsType: "FieldsV1",
            fieldsV1: {
              "f:spec": {
                "f:a": {},
                "f:items": { 'k:{"name":"x"}': { ".": {}, "f:name": {}, "f:v": {} } },
                "f:list": {},
                "f:set": { 'v:"s"': {} },
              },
            },
          },
        ],
      },
    });
  });

  it("unites list maps by their keys and keeps what others have in them", () => {
    const mine = created("a", { items: [{ name: "x", v: "1" }, { name: "y" }] });
    const both = objectOf(apply("b", mine, { items: [{ name: "y", v: "2" }, { name: "z" }] }));
    expect(both["spec"]).toEqual({
      items: [{ name: "x", v: "1" }, { name: "y", v: "2" }, { name: "z" }],
    });
    // The item goes with its last owner, its keys with the item.
    const less = objectOf(apply("a", both, {}));
    expect(less["spec"]).toEqual({ items: [{ name: "y", v: "2" }, { name: "z" }] });
    expect(objectOf(apply("b", less, {}))["spec"]).toEqual({});
  });

  it("takes away what the manager no longer applies, unless somebody else owns it", () => {
    const mine = created("a", { a: "p", b: 1, inner: { x: "1" }, map: { k: "v" } });
    const shared = objectOf(apply("b", mine, { a: "p" }));
    expect(objectOf(apply("a", shared, { b: 1 }))["spec"]).toEqual({ a: "p", b: 1 });
  });

  it("keeps what nobody owns", () => {
    const mine = created("a", { inner: { x: "1" } });
    const live = { ...mine, spec: { inner: { x: "1", y: "unowned" } } };
    expect(objectOf(apply("a", live, {}))["spec"]).toEqual({ inner: { y: "unowned" } });
  });

  it("is refused where another manager has another value, and says where and who", () => {
    const theirs = trackUpdate({
      live: null,
      next: created("nobody", { a: "p", items: [{ name: "x", v: "1" }] }),
      manager: "operator",
      apiVersion: "example.com/v1",
      now,
      schema: foo,
    });
    expect(apply("ctl", theirs, { a: "q", items: [{ name: "x", v: "2" }] })).toEqual({
      kind: "conflict",
      causes: [".spec.a", '.spec.items[name="x"].v'].map((field) => ({
        field,
        manager: "operator",
        message: 'conflict with "operator" using example.com/v1',
      })),
    });
    const forced = objectOf(apply("ctl", theirs, { a: "q" }, { force: true }));
    expect(forced["spec"]).toMatchObject({ a: "q" });
    expect(fieldsOfManager(forced, "ctl")).toEqual({ "f:spec": { "f:a": {} } });
    expect(at(fieldsOfManager(forced, "operator"), ["f:f:spec", "f:f:a"])).toBeUndefined();
  });

  it("shares a field of the same value, and then both can only change it by force", () => {
    const shared = objectOf(apply("b", created("a", { a: "p" }), { a: "p" }));
    expect(apply("a", shared, { a: "q" })).toMatchObject({
      kind: "conflict",
      causes: [{ field: ".spec.a", manager: "b", message: 'conflict with "b"' }],
    });
    expect(objectOf(apply("a", shared, {}))["spec"]).toEqual({ a: "p" });
  });

  it("that changes nothing leaves even the times as they were", () => {
    const object = created("a", { a: "p", set: ["x"] });
    expect(objectOf(apply("a", object, { a: "p", set: ["x"] }, { now: later }))).toBe(object);
  });

  it("knows the head of an embedded object", () => {
    const whole = { apiVersion: "v1", kind: "Bar", metadata: { name: "x" }, data: "d" };
    expect(created("a", { whole })["spec"]).toEqual({ whole });
  });

  it("of a status notes the subresource, and leaves the entry of the object alone", () => {
    const object = created("a", { a: "p" });
    const status = { ...applied({}), status: { state: "up" } };
    const next = objectOf(
      serverSideApply({ ...base, live: object, applied: status, subresource: "status" }),
    );
    expect(next).toMatchObject({ spec: { a: "p" }, status: { state: "up" } });
    expect(next.metadata.managedFields).toEqual([
      expect.objectContaining({ manager: "a", fieldsV1: { "f:spec": { "f:a": {} } } }),
      expect.objectContaining({
        manager: "a",
        subresource: "status",
        fieldsV1: { "f:status": { "f:state": {} } },
      }),
    ]);
  });
  const base = { manager: "a", force: false, schema: foo, now };

  it.each([
    [{ nope: 1 }, ".spec.nope: field not declared in schema"],
    [
      { items: [{ name: "x", nope: 1 }] },
      '.spec.items[name="x"].nope: field not declared in schema',
    ],
    [{ items: [{ v: "1" }] }, 'omits key field "name"'],
    [
      { items: [{ name: "x" }, { name: "x" }] },
      '.spec.items: duplicate entries for key [name="x"]',
    ],
    [{ set: ["a", "a"] }, '.spec.set: duplicate entries for key [="a"]'],
    [{ inner: ["a"] }, ".spec.inner: expected map, got list"],
  ])("is refused when it does not fit the schema: %j", (spec, told) => {
    const result = apply("a", null, spec);
    expect(result.kind).toBe("unknown-field");
    expect(result).toMatchObject({ message: expect.stringContaining(told) });
    expect(result).toMatchObject({
      message: expect.stringContaining("(/one; example.com/v1, Kind=Foo)"),
    });
  });

  it("without a schema unites maps, replaces lists, and knows the lists of metadata", () => {
    const free = { schema: null };
    const first = objectOf(apply("a", null, { m: { x: 1 }, l: [1] }, free));
    const mine = objectOf(apply("b", first, { m: { y: 2 } }, free));
    expect(mine["spec"]).toEqual({ m: { x: 1, y: 2 }, l: [1] });
    expect(apply("b", mine, { l: [2] }, free)).toMatchObject({
      kind: "conflict",
      causes: [{ field: ".spec.l" }],
    });
    const finalizer = (name: string): Partial<Apply> => ({
      ...free,
      applied: applied({}, { finalizers: [name] }),
    });
    const one = objectOf(apply("a", null, {}, finalizer("x")));
    expect(objectOf(apply("b", one, {}, finalizer("y"))).metadata.finalizers).toEqual(["x", "y"]);
  });
});

describe("a write that is no apply", () => {
  const write = { manager: "editor", apiVersion: "example.com/v1", now: later, schema: foo };

  it("owns what it changes, with what holds it when that is new, and takes it from others", () => {
    const live = created("a", { a: "p", inner: { x: "1" } });
    const next = { ...live, spec: { a: "q", inner: { x: "1" }, map: { k: "v" } } };
    const tracked = trackUpdate({ ...write, live, next });
    expect(fieldsOfManager(tracked, "a")).toEqual({ "f:spec": { "f:inner": { "f:x": {} } } });
    expect(tracked.metadata.managedFields?.at(1)).toEqual({
      manager: "editor",
      operation: "Update",
      apiVersion: "example.com/v1",
      time: later,
      fieldsType: "FieldsV1",
      fieldsV1: { "f:spec": { "f:a": {}, "f:map": { ".": {}, "f:k": {} } } },
    });
  });

  it("does not own what the API server writes itself", () => {
    const object = { ...created("a", {}), metadata: { ...meta, labels: { k: "v" } } };
    expect(fieldsOfManager(trackUpdate({ ...write, live: null, next: object }), "editor")).toEqual({
      "f:metadata": { "f:labels": { ".": {}, "f:k": {} } },
      "f:spec": {},
    });
  });
  const meta = {
    name: "one",
    uid: "u",
    resourceVersion: "1",
    generation: 1,
    creationTimestamp: now,
  };

  it("that takes fields away takes them from all, and one left without any is gone", () => {
    const live = created("a", { a: "p" });
    const tracked = trackUpdate({ ...write, live, next: { ...live, spec: {} } });
    expect(tracked.metadata.managedFields).toBeUndefined();
  });

  it("that changes nothing changes no time", () => {
    const live = trackUpdate({ ...write, live: null, next: created("a", { a: "p" }), now });
    expect(trackUpdate({ ...write, live, next: live })).toEqual(live);
  });
});

/** What the clients did to an object, one after the other. */
const histories = fc.array(
  fc.record({
    manager: fc.constantFrom("a", "b", "c"),
    how: fc.constantFrom("apply", "force", "update"),
    spec: specs,
  }),
  { maxLength: 6 },
);

function play(
  history: readonly { manager: string; how: string; spec: JsonObject }[],
): KubeObject | null {
  let live: KubeObject | null = null;
  for (const { manager, how, spec } of history) {
    if (how === "update") {
      const next: KubeObject = live === null ? created("new", spec) : { ...live, spec };
      live = trackUpdate({ live, next, manager, apiVersion: "example.com/v1", now, schema: foo });
      continue;
    }
    const result: Applied = apply(manager, live, spec, { force: how === "force" });
    if (result.kind === "applied") live = result.object;
  }
  return live;
}

describe("whatever was done before", () => {
  it("the same apply again changes nothing", () => {
    fc.assert(
      fc.property(histories, specs, (history, spec) => {
        const once = objectOf(apply("a", play(history), spec, { force: true }));
        expect(objectOf(apply("a", once, spec, { now: later }))).toBe(once);
      }),
    );
  });

  it("what was applied is there and its manager's", () => {
    fc.assert(
      fc.property(histories, specs, (history, spec) => {
        const fresh = created("a", spec);
        const object = objectOf(apply("a", play(history), spec, { force: true }));
        const own = fieldsOfManager(fresh, "a");
        expect(applyEntry(object)).toEqual(own);
        for (const path of own === undefined ? [] : pathsIn(own))
          if (!isHolder(path)) expect(at(object, path)).toEqual(at(fresh, path));
      }),
    );
  });

  it("an apply without force leaves the fields of others as they are, or is refused", () => {
    fc.assert(
      fc.property(histories, specs, (history, spec) => {
        const live = play(history);
        const result = apply("a", live, spec);
        if (live === null || result.kind !== "applied") return;
        for (const entry of live.metadata.managedFields ?? []) {
          if (entry.manager === "a" && entry.operation === "Apply") continue;
          for (const path of pathsIn(entry.fieldsV1)) {
            const before = at(live, path);
            // What holds others stays as such: what is in it has owners of its own.
            if (isHolder(path)) expect(at(result.object, path)).toBeDefined();
            else expect(at(result.object, path)).toEqual(before);
          }
        }
      }),
    );
  });

  it("nobody owns a field that is not there", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const live = play(history);
        for (const entry of live?.metadata.managedFields ?? [])
          for (const path of pathsIn(entry.fieldsV1)) expect(at(live, path)).toBeDefined();
      }),
    );
  });
});

function applyEntry(object: KubeObject): object | undefined {
  return object.metadata.managedFields?.find(
    ({ manager, operation }) => manager === "a" && operation === "Apply",
  )?.fieldsV1;
}
