import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

/*
 * Each line is what a real API server (1.36) was measured to answer (test/twin).
 */

const secrets = "/api/v1/namespaces/default/secrets";
const at = (name: string): string => `${widgetsPath}/${name}`;
const merge = "application/merge-patch+json";
const json = "application/json-patch+json";
const applied = "application/apply-patch+yaml";
const secret = (data: object): object => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "s" },
  ...data,
});

let lab: TryCluster;
beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
  const labels = { script: "x" };
  for (const name of ["a", "b", "c"])
    await lab.ask("POST", widgetsPath, { body: widget(name, { size: 1 }, { labels }) });
  await lab.ask("POST", secrets, { body: secret({ data: { a: "Yg==" } }) });
});
afterAll(() => lab.end());

describe("options that do not fit are refused", () => {
  test.each([
    [`${widgetsPath}?resourceVersion=0&resourceVersionMatch=Exact`, 422, '"exact" is forbidden'],
    [`${widgetsPath}?resourceVersionMatch=Rubbish`, 422, "Unsupported value"],
    [`${widgetsPath}?continue=x&resourceVersion=1&resourceVersionMatch=Exact`, 422, "continue"],
    [`${widgetsPath}?sendInitialEvents=true`, 422, "forbidden for list"],
    [`${widgetsPath}?resourceVersion=x`, 400, "invalid resource version"],
    [`${widgetsPath}?includeObject=Rubbish`, 400, "includeObject"],
    [`${widgetsPath}?watch=1&resourceVersionMatch=NotOlderThan`, 422, "forbidden for watch"],
    [`${widgetsPath}?watch=1&sendInitialEvents=false`, 422, "requires setting"],
    [`${widgetsPath}?watch=1&continue=x`, 422, "continue"],
    [`${widgetsPath}?watch=1&resourceVersion=x`, 500, "invalid syntax"],
    [`${widgetsPath}?fieldSelector=spec.host%3Da%3Db`, 400, "unescaped character in value: 61"],
    [`${widgetsPath}?fieldSelector=%20metadata.name%3Da`, 400, "not supported:  metadata.name"],
    [`${at("a")}?resourceVersion=999999`, 504, "Too large resource version"],
    [`${at("a")}?resourceVersion=x`, 500, "invalid syntax"],
    ["/api/v1/rubbish", 404, "could not find the requested resource"],
    ["/api/v1/namespaces/default/rubbish", 404, "could not find the requested resource"],
  ])("GET %s: %d", async (path, status, why) => {
    const told = await lab.ask("GET", path);
    expect(told.body).toMatchObject({ kind: "Status", code: status });
    expect(told.status).toBe(status);
    expect(told.body.message).toContain(why);
  });

  test.each([
    ["force=true", 422, "may not be specified for non-apply patch"],
    [`fieldManager=${"x".repeat(129)}`, 422, "may not be more than 128 bytes"],
    ["fieldManager=a%01b", 422, String.raw`"a\x01b": invalid character U+0001 (at position 1)`],
  ])("PATCH ?%s: %d", async (query, status, why) => {
    const told = await lab.ask("PATCH", `${at("a")}?${query}`, { type: merge, body: {} });
    expect(told.status).toBe(status);
    expect(told.body.message).toContain(why);
  });

  test.each([
    ["as=Table;v=v2;g=meta.k8s.io", 406],
    ["as=PartialObjectMetadata;v=v1;g=meta.k8s.io", 406],
    ["as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", 200],
  ])("a list as %s: %d", async (as, status) => {
    const headers = { Accept: `application/json;${as}` };
    expect((await lab.ask("GET", widgetsPath, { headers })).status).toBe(status);
  });
});

describe("what makes no object is refused", () => {
  const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true };
  test.each([
    [{ metadata: { ownerReferences: [{ name: "x" }] } }, 422, "version must not be empty"],
    [{ metadata: { ownerReferences: [owner, owner] } }, 422, "Only one reference can have"],
    [{ metadata: { finalizers: ["a b/c"] } }, 422, "prefix part"],
    [{ metadata: { finalizers: ["orphan", "foregroundDeletion"] } }, 422, "cannot be both set"],
    [{ metadata: { deletionTimestamp: "2020-01-01T00:00:00Z" } }, 422, "field is immutable"],
    [{ metadata: { resourceVersion: null } }, 422, "must be specified for an update"],
    [{ metadata: { resourceVersion: "x" } }, 500, "invalid syntax"],
    [{ metadata: { name: null } }, 400, "name must be provided"],
    [{ apiVersion: "x/v1" }, 422, "must be try.example.org/v1"],
    [{ kind: null }, 422, "Object 'Kind' is missing"],
  ])("a patch with %j: %d", async (body, status, why) => {
    const told = await lab.ask("PATCH", at("a"), { type: merge, body });
    expect(told.status).toBe(status);
    expect(told.body.message).toContain(why);
  });

  test.each([
    [{ metadata: { name: "a", managedFields: [] } }, 400, "must be nil"],
    [{ spec: { size: "x" } }, 500, "expected numeric"],
    [{ spec: { size: null } }, 422, 'must be of type integer: "null"'],
    [{ kind: "Other" }, 400, "invalid object type"],
  ])("an apply with %j: %d", async (changes, status, why) => {
    const body = { ...widget("a"), ...changes };
    const path = `${at("a")}?fieldManager=one`;
    const told = await lab.ask("PATCH", path, { type: applied, body });
    expect(told.status).toBe(status);
    expect(told.body.message).toContain(why);
  });

  test("a new object is applied without the uid that it does not have yet", async () => {
    const make = (metadata: object) =>
      lab.ask("PATCH", `${at("new")}?fieldManager=one`, {
        type: applied,
        body: widget("new", {}, metadata),
      });
    expect(await make({ uid: "x" })).toMatchObject({ status: 409, body: { reason: "Conflict" } });
    expect((await make({ resourceVersion: "5" })).status).toBe(201);
  });

  test("conflicts of an apply are told under whom they are with", async () => {
    const apply = (manager: string, size: number) =>
      lab.ask("PATCH", `${at("c")}?fieldManager=${manager}`, {
        type: applied,
        body: widget("c", { size, host: String(size) }),
      });
    await lab.ask("PATCH", at("c"), { type: merge, body: { spec: { size: null } } });
    await apply("one", 1);
    const told = await apply("two", 2);
    expect(told.body.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.host\n- .spec.size',
    );
  });

  test("a Secret holds base64 texts and keeps its type", async () => {
    const put = (data: object) => lab.ask("PUT", `${secrets}/s`, { body: secret(data) });
    expect((await put({ data: { a: "!" } })).status).toBe(400);
    expect((await put({ data: { a: 1 } })).status).toBe(400);
    const kept = await put({ data: { b: "Yg==" }, rubbish: 1 });
    expect(kept.headers["warning"]).toBe('299 - "unknown field \\"rubbish\\""');
    expect(kept.body).toMatchObject({ type: "Opaque", data: { b: "Yg==" } });
    expect(kept.body).not.toHaveProperty("rubbish");
  });
});

describe("what is odd about a body", () => {
  const twice = '{"apiVersion":"try.example.org/v1","kind":"Widget","metadata":{"name":"t"},';
  test("is warned of, or refused when the client is strict", async () => {
    const body = `${twice}"spec":{"size":1,"size":2,"sise":3}}`;
    const strict = await lab.ask("POST", `${widgetsPath}?fieldValidation=Strict`, { body });
    expect(strict.status).toBe(400);
    expect(strict.body.message).toContain(
      'strict decoding error: duplicate field "spec.size", unknown field "spec.sise"',
    );
    const made = await lab.ask("POST", widgetsPath, { body });
    expect(made.headers["warning"]).toBe(
      String.raw`299 - "duplicate field \"spec.size\"", 299 - "unknown field \"spec.sise\""`,
    );
    expect(made.body.spec).toMatchObject({ size: 2 });
  });

  test("in YAML too, and in the operations of a patch", async () => {
    const yaml = "apiVersion: try.example.org/v1\nkind: Widget\nmetadata:\n  name: y\n  name: y\n";
    const made = await lab.ask("POST", widgetsPath, { body: yaml, type: "application/yaml" });
    expect(made.status).toBe(201);
    expect(made.headers["warning"]).toBe(
      String.raw`299 - "line 5: key \"name\" already set in map"`,
    );
    const body = [{ op: "add", path: "/spec/size", value: 1, foo: 1 }];
    const patched = await lab.ask("PATCH", at("a"), { type: json, body });
    expect(patched.headers["warning"]).toBe(
      String.raw`299 - "json patch unknown field \"[0].foo\""`,
    );
  });

  test("of metadata nothing unknown is kept", async () => {
    const made = await lab.ask("POST", widgetsPath, {
      body: widget("m", {}, { rubbish: 1, finalizers: ["bare"] }),
    });
    expect(made.body.metadata).not.toHaveProperty("rubbish");
    expect(made.headers["warning"]).toContain(String.raw`unknown field \"metadata.rubbish\"`);
    expect(made.headers["warning"]).toContain("prefer a domain-qualified finalizer name");
  });
});

describe("a list", () => {
  test("does not know how much of a selection is left", async () => {
    const part = await lab.ask("GET", `${widgetsPath}?limit=1&labelSelector=script%3Dx`);
    expect(part.body.metadata.continue).toBeDefined();
    expect(part.body.metadata.remainingItemCount).toBeUndefined();
  });
});
