import { text } from "node:stream/consumers";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authorityOf, tokenOf, tryCluster } from "./try-cluster.ts";
import type { Told, TryCluster } from "./try-cluster.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

/*
 * Each test is a line of what a real kube-apiserver 1.32 was measured to answer to writes.
 */

let lab: TryCluster;
let count = 0;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());

/** A new widget of its own for a test. */
async function made(spec: object = {}, metadata: object = {}): Promise<Told["body"]> {
  count += 1;
  const told = await lab.ask("POST", widgetsPath, { body: widget(`t-${count}`, spec, metadata) });
  expect(told.status).toBe(201);
  return told.body;
}

const pathOf = ({ metadata }: Told["body"]): string => `${widgetsPath}/${metadata.name}`;

const merge = (path: string, body: object): Promise<Told> =>
  lab.ask("PATCH", path, { body, type: "application/merge-patch+json" });

const patch = (path: string, body: readonly object[]): Promise<Told> =>
  lab.ask("PATCH", path, { body, type: "application/json-patch+json" });

const apply = (path: string, query: string, body: object): Promise<Told> =>
  lab.ask("PATCH", `${path}?${query}`, { body, type: "application/apply-patch+yaml" });

describe("server-side apply", () => {
  test("is 409 with a cause for each field that another manager owns; force takes it", async () => {
    const name = "applied";
    const path = `${widgetsPath}/${name}`;
    const first = await apply(path, "fieldManager=one", widget(name, { size: 1 }));
    expect(first.status).toBe(201);
    const other = await apply(path, "fieldManager=two", widget(name, { size: 2 }));
    expect(other).toMatchObject({
      status: 409,
      body: {
        reason: "Conflict",
        details: { causes: [{ reason: "FieldManagerConflict", field: ".spec.size" }] },
      },
    });
    const forced = await apply(path, "fieldManager=two&force=true", widget(name, { size: 2 }));
    expect(forced.body.spec).toMatchObject({ size: 2 });
  });

  test("that changes nothing leaves the revision as it was", async () => {
    const path = `${widgetsPath}/twice`;
    const body = widget("twice", { size: 1 });
    const first = await apply(path, "fieldManager=one", body);
    const again = await apply(path, "fieldManager=one", body);
    expect(again.status).toBe(200);
    expect(again.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
  });

  test("without a field manager is 422, with an unknown field 500", async () => {
    const path = `${widgetsPath}/odd`;
    expect((await apply(path, "", widget("odd"))).status).toBe(422);
    const unknown = await apply(path, "fieldManager=one", widget("odd", { colour: "red" }));
    expect(unknown.status).toBe(500);
    expect(unknown.body.message).toContain("field not declared in schema");
  });

  test("merges a list by its key", async () => {
    const path = `${widgetsPath}/pools`;
    const pools = [
      { name: "a", replicas: 1, rollout: "slow" },
      { name: "b", replicas: 1 },
    ];
    await apply(path, "fieldManager=one", widget("pools", { pools }));
    const scaled = widget("pools", { pools: [{ name: "a", replicas: 3 }] });
    const told = await apply(path, "fieldManager=two&force=true", scaled);
    expect(told.body.spec["pools"]).toEqual([
      { name: "a", replicas: 3, rollout: "slow" },
      { name: "b", replicas: 1 },
    ]);
  });
});

describe("a patch", () => {
  test("with an unknown field warns and drops it; when strict it is 422", async () => {
    const object = await made();
    const path = pathOf(object);
    const told = await merge(path, { spec: { colour: "blue", size: 3 } });
    expect(told.status).toBe(200);
    expect(told.headers["warning"]).toContain("unknown field");
    expect(told.body.spec).toEqual({ size: 3, replicas: 1, color: "red" });
    const strict = await merge(`${path}?fieldValidation=Strict`, { spec: { colour: "blue" } });
    expect(strict.status).toBe(422);
  });

  test("by merge replaces a whole list", async () => {
    const object = await made({ pools: [{ name: "a", replicas: 1, rollout: "slow" }] });
    const told = await merge(pathOf(object), { spec: { pools: [{ name: "a", replicas: 2 }] } });
    expect(told.body.spec["pools"]).toEqual([{ name: "a", replicas: 2 }]);
  });

  test("by strategic merge is 415 for a custom kind, and taken for a built-in one", async () => {
    const type = "application/strategic-merge-patch+json";
    const object = await made();
    expect((await lab.ask("PATCH", pathOf(object), { body: {}, type })).status).toBe(415);
    const secrets = "/api/v1/namespaces/default/secrets";
    const body = { metadata: { name: "s" }, stringData: { a: "b" } };
    await lab.ask("POST", secrets, { body });
    const told = await lab.ask("PATCH", `${secrets}/s`, { body: { data: { c: "ZA==" } }, type });
    expect(told.text).toContain('"data":{"a":"Yg==","c":"ZA=="}');
  });

  test("in JSON whose test fails is 422", async () => {
    const path = pathOf(await made({ size: 1 }));
    const set = { op: "replace", path: "/spec/size", value: 2 };
    const failing = [{ op: "test", path: "/spec/size", value: 7 }, set];
    expect((await patch(path, failing)).status).toBe(422);
    const passing = [{ op: "test", path: "/spec/size", value: 1 }, set];
    expect((await patch(path, passing)).body.spec).toMatchObject({ size: 2 });
  });
});

describe("status and generation", () => {
  test("a status in a write to the object is ignored, and a spec in one to the status", async () => {
    const object = await made({ size: 1 });
    const path = pathOf(object);
    const ignored = await merge(path, { status: { phase: "Done" } });
    expect(ignored.status).toBe(200);
    expect(ignored.body.status).toBeUndefined();
    expect(ignored.body.metadata.resourceVersion).toBe(object.metadata.resourceVersion);
    const spec = await merge(`${path}/status`, { spec: { size: 9 } });
    expect(spec.status).toBe(200);
    expect(spec.body.metadata.resourceVersion).toBe(object.metadata.resourceVersion);
    const status = await merge(`${path}/status`, { spec: { size: 9 }, status: { phase: "Done" } });
    expect(status.body).toMatchObject({ spec: { size: 1 }, status: { phase: "Done" } });
  });

  test("a status is validated against the schema", async () => {
    const path = pathOf(await made());
    const told = await merge(`${path}/status`, { status: { replicas: 1 } });
    expect(told).toMatchObject({
      status: 422,
      body: { details: { causes: [{ reason: "FieldValueRequired", field: "status.phase" }] } },
    });
  });

  test("the generation counts changes of the spec and the request to delete, nothing else", async () => {
    const object = await made({ size: 1 }, { finalizers: ["try.example.org/hold"] });
    const path = pathOf(object);
    expect(object.metadata.generation).toBe(1);
    const labelled = await merge(path, {
      metadata: { labels: { a: "b" }, annotations: { c: "d" } },
    });
    expect(labelled.body.metadata.generation).toBe(1);
    const status = await merge(`${path}/status`, { status: { phase: "Done" } });
    expect(status.body.metadata.generation).toBe(1);
    expect((await merge(path, { spec: { size: 2 } })).body.metadata.generation).toBe(2);
    expect((await lab.ask("DELETE", path)).body.metadata.generation).toBe(3);
  });
});

describe("versions of an object", () => {
  test("a stale one is 409, by PUT and by merge patch; a PUT without one 422", async () => {
    const old = await made({ size: 1 });
    const path = pathOf(old);
    await merge(path, { spec: { size: 2 } });
    const stale = await lab.ask("PUT", path, { body: old });
    expect(stale).toMatchObject({ status: 409, body: { reason: "Conflict" } });
    const { name, resourceVersion } = old.metadata;
    expect((await merge(path, { metadata: { resourceVersion } })).status).toBe(409);
    expect((await lab.ask("PUT", path, { body: widget(name) })).status).toBe(422);
  });

  test("a name that is taken is 409 AlreadyExists", async () => {
    const { metadata } = await made();
    const again = await lab.ask("POST", widgetsPath, { body: widget(metadata.name) });
    expect(again).toMatchObject({ status: 409, body: { reason: "AlreadyExists" } });
  });

  test("a kind served at two versions is one object, stored in one", async () => {
    const { metadata } = await made({ size: 4 });
    const path = widgetsPath.replace("/v1/", "/v1beta1/");
    const other = await lab.ask("GET", `${path}/${metadata.name}`);
    expect(other.body).toMatchObject({ apiVersion: "try.example.org/v1beta1", spec: { size: 4 } });
    const body = { ...other.body, spec: { size: 5 } };
    expect((await lab.ask("PUT", `${path}/${metadata.name}`, { body })).status).toBe(200);
    const stored = await lab.ask("GET", `${widgetsPath}/${metadata.name}`);
    expect(stored.body).toMatchObject({ apiVersion: "try.example.org/v1", spec: { size: 5 } });
  });

  test("a dry run answers as if, and stores nothing", async () => {
    const { revision } = lab.cluster.store;
    const told = await lab.ask("POST", `${widgetsPath}?dryRun=All`, { body: widget("dry") });
    expect(told).toMatchObject({ status: 201, body: { spec: { color: "red" } } });
    expect(lab.cluster.store.revision).toBe(revision);
    expect((await lab.ask("GET", `${widgetsPath}/dry`)).status).toBe(404);
  });

  test("generateName makes a name", async () => {
    const body = { ...widget(""), metadata: { generateName: "gen-" } };
    const told = await lab.ask("POST", widgetsPath, { body });
    expect(told.body.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
  });
});

describe("a deletion", () => {
  test("of another uid than the expected one is 409", async () => {
    const path = pathOf(await made());
    const body = { preconditions: { uid: "another" } };
    expect((await lab.ask("DELETE", path, { body })).status).toBe(409);
    expect((await lab.ask("GET", path)).status).toBe(200);
  });

  test("whose body has no length loses it, and the connection with it", async () => {
    const first = await made();
    const { hostname, port } = new URL(lab.cluster.url);
    const head = [
      `DELETE ${pathOf(first)} HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Bearer ${tokenOf(lab.cluster, "lab-admin")}`,
      "Content-Type: application/json",
      "\r\n",
    ].join("\r\n");
    const socket = tls.connect({
      host: hostname,
      port: Number(port),
      ca: authorityOf(lab.cluster),
    });
    socket.write(head + JSON.stringify({ preconditions: { uid: "another" } }));
    const answers = (await text(socket)).match(/HTTP\/1\.1 \d+/g);
    expect(answers).toEqual(["HTTP/1.1 200", "HTTP/1.1 400"]);
    expect((await lab.ask("GET", pathOf(first))).status).toBe(404);
  });

  test("waits for finalizers, takes no new ones, and ends with the last", async () => {
    const held = "try.example.org/hold";
    const object = await made({}, { finalizers: [held] });
    const path = pathOf(object);
    const from = object.metadata.resourceVersion;
    const watching = await lab.watch(
      `${widgetsPath}?watch=true&resourceVersion=${from}&fieldSelector=metadata.name%3D${object.metadata.name}`,
    );
    const dying = await lab.ask("DELETE", path);
    expect(dying.status).toBe(200);
    expect(dying.body.metadata.deletionTimestamp).toBeDefined();
    expect((await watching.next())?.type).toBe("MODIFIED");
    const more = await merge(path, { metadata: { finalizers: [held, "try.example.org/new"] } });
    expect(more.status).toBe(422);
    expect((await merge(path, { metadata: { finalizers: null } })).status).toBe(200);
    const deleted = await watching.next();
    expect(deleted?.type).toBe("DELETED");
    expect(Number(deleted?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(dying.body.metadata.resourceVersion),
    );
    expect((await lab.ask("GET", path)).status).toBe(404);
    watching.close();
  });

  test("of an owner takes what it owns with it", async () => {
    const owner = await made();
    const { name, uid } = owner.metadata;
    const reference = { apiVersion: "try.example.org/v1", kind: "Widget", name, uid };
    const owned = await made({}, { ownerReferences: [reference] });
    const watching = await lab.watch(
      `${widgetsPath}?watch=true&resourceVersion=${owned.metadata.resourceVersion}`,
    );
    await lab.ask("DELETE", pathOf(owner));
    expect((await watching.next())?.object.metadata.name).toBe(name);
    expect(await watching.next()).toMatchObject({
      type: "DELETED",
      object: { metadata: { name: owned.metadata.name } },
    });
    watching.close();
  });

  test("of a namespace takes its contents first, and nothing new comes in", async () => {
    const namespaces = "/api/v1/namespaces";
    await lab.ask("POST", namespaces, { body: { metadata: { name: "short" } } });
    const inside = `${namespaces}/short/configmaps`;
    const finalizers = ["try.example.org/hold"];
    await lab.ask("POST", inside, { body: { metadata: { name: "held", finalizers } } });
    const from = lab.cluster.store.revision;
    const watching = await lab.watch(`${namespaces}?watch=true&resourceVersion=${from}`);
    const dying = await lab.ask("DELETE", `${namespaces}/short`);
    expect(dying.body.status).toEqual({ phase: "Terminating" });
    expect((await watching.next())?.type).toBe("MODIFIED");
    const late = await lab.ask("POST", inside, { body: { metadata: { name: "late" } } });
    expect(late.status).toBe(403);
    await merge(`${inside}/held`, { metadata: { finalizers: null } });
    expect((await watching.next())?.type).toBe("DELETED");
    watching.close();
  });
});

describe("definitions and subresources", () => {
  test("/scale shows a Scale, and its patch sets the replicas", async () => {
    const path = pathOf(await made());
    expect((await lab.ask("GET", `${path}/scale`)).body).toMatchObject({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      spec: { replicas: 1 },
    });
    expect((await merge(`${path}/scale`, { spec: { replicas: 4 } })).body.spec).toEqual({
      replicas: 4,
    });
    expect((await lab.ask("GET", path)).body.spec).toMatchObject({ replicas: 4 });
  });

  test("/scale of a MachineDeployment is one too", async () => {
    const path = "/apis/cluster.x-k8s.io/v1beta2/namespaces/default/machinedeployments";
    const spec = { clusterName: "c", replicas: 2, selector: {}, template: { spec: {} } };
    const made = await lab.ask("POST", path, {
      body: {
        apiVersion: "cluster.x-k8s.io/v1beta2",
        kind: "MachineDeployment",
        metadata: { name: "workers" },
        spec,
      },
    });
    expect(made.status).toBe(201);
    const scaled = await merge(`${path}/workers/scale`, { spec: { replicas: 5 } });
    expect(scaled.body).toMatchObject({ kind: "Scale", spec: { replicas: 5 } });
    expect((await lab.ask("GET", `${path}/workers`)).body.spec).toMatchObject({ replicas: 5 });
  });

  test("a posted definition is served at once, and its end ends its objects", async () => {
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const gadgets = "/apis/new.example.org/v1/namespaces/default/gadgets";
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "gadgets.new.example.org" },
      spec: {
        group: "new.example.org",
        scope: "Namespaced",
        names: { kind: "Gadget", plural: "gadgets" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: { type: "object", properties: { size: { type: "integer" } } },
            },
          },
        ],
      },
    };
    expect((await lab.ask("GET", gadgets)).status).toBe(404);
    expect((await lab.ask("POST", path, { body: definition })).status).toBe(201);
    const gadget = {
      apiVersion: "new.example.org/v1",
      kind: "Gadget",
      metadata: { name: "g" },
    };
    const bad = await lab.ask("POST", gadgets, { body: { ...gadget, size: "big" } });
    expect(bad.status).toBe(422);
    await lab.ask("POST", gadgets, { body: { ...gadget, size: 1 } });
    const { revision } = lab.cluster.store;
    const watching = await lab.watch(`${path}?watch=true&resourceVersion=${revision}`);
    await lab.ask("DELETE", `${path}/gadgets.new.example.org`);
    expect((await watching.next())?.type).toBe("MODIFIED");
    expect((await watching.next())?.type).toBe("DELETED");
    expect((await lab.ask("GET", gadgets)).status).toBe(404);
    watching.close();
  });
});
