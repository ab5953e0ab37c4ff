import { widget, widgetsPath } from "#lab/kubernetes/try-widgets.ts";

import type { Line, Script } from "./script.ts";

const mergePatch = "application/merge-patch+json";
const jsonPatch = "application/json-patch+json";
const applyPatch = "application/apply-patch+yaml";
const strategic = "application/strategic-merge-patch+json";
const secrets = "/api/v1/namespaces/default/secrets";

const at = (name: string, query = ""): string => `${widgetsPath}/${name}${query && `?${query}`}`;
const post = (body: unknown, query = ""): Line => ({
  method: "POST",
  path: `${widgetsPath}${query && `?${query}`}`,
  body,
});
const get = (path: string, headers?: Line["headers"]): Line => ({
  method: "GET",
  path,
  ...(headers && { headers }),
});
const patch = (path: string, type: string, body: unknown): Line => ({
  method: "PATCH",
  path,
  type,
  body,
});
const del = (path: string, body?: unknown): Line => ({
  method: "DELETE",
  path,
  ...(body !== undefined && { body }),
});
const apply = (
  name: string,
  manager: string,
  spec: object,
  query = "",
  metadata: object = {},
): Line =>
  patch(
    at(name, `fieldManager=${manager}${query && `&${query}`}`),
    applyPatch,
    widget(name, spec, metadata),
  );

/** Compared but for its messages. */
const words = (why: string, line: Line): Line => ({ ...line, except: { what: "words", why } });
/** Asked of both, and not compared. */
const apart = (why: string, line: Line): Line => ({ ...line, except: { what: "all", why } });
const inGo = "These words are those of Go's libraries and types, which nobody reads by machine.";
const yet = "The lab does not do this yet.";

const uidIn = (body: unknown): string => (body as { metadata: { uid: string } }).metadata.uid;

/** What a script is about, and its requests. Names are the script's own, so scripts do not meet. */
export const scripts: Readonly<Record<string, Script>> = {
  "a create, read, replaced, deleted": [
    post(widget("a", { size: 1 })),
    get(at("a")),
    (seen) => ({
      method: "PUT",
      path: at("a"),
      body: { ...(seen[1]?.body as object), spec: { size: 2 } },
    }),
    (seen) => ({
      method: "PUT",
      path: at("a"),
      body: { ...(seen[1]?.body as object), spec: { size: 3 } },
    }),
    { method: "PUT", path: at("a"), body: widget("a", { size: 3 }) },
    { method: "PUT", path: at("none"), body: widget("none", { size: 3 }) },
    del(at("a")),
    del(at("a")),
    get(at("a")),
  ],
  "creates that are refused": [
    post(widget("taken")),
    post(widget("taken")),
    post(widget("Bad_Name")),
    post(widget("")),
    post(widget("b", { size: -1 })),
    post(widget("b", { size: "x" })),
    post(widget("b", { pools: [{ replicas: 1 }] })),
    post(widget("b", { pools: [{ name: "a" }, { name: "a" }] })),
    post(widget("b", { sise: 1 })),
    post(widget("b", { sise: 1 }), "fieldValidation=Strict"),
    post(widget("c", { sise: 1 }), "fieldValidation=Strict"),
    post(widget("c", { sise: 1 }), "fieldValidation=Warn"),
    post(widget("d"), "fieldValidation=Rubbish"),
    post(widget("d"), "dryRun=Rubbish"),
    post({ ...widget("d"), kind: "Wodget" }),
    apart(yet, post({ ...widget("d"), apiVersion: "try.example.org/v9" })),
    words(inGo, post({ metadata: { name: "d" } })),
    post(widget("e", {}, { resourceVersion: "7" })),
    post(widget("e", {}, { namespace: "other" })),
    post(widget("e", {}, { labels: { "a b": "c" } })),
    words(inGo, post(widget("e", {}, { labels: { a: 1 } }))),
    post(widget("e", {}, { annotations: { "bad key!": "c" } })),
    post(
      widget("e", {}, { uid: "mine", creationTimestamp: "2020-01-01T00:00:00Z", generation: 7 }),
    ),
    words(inGo, { ...post("{"), type: "application/json" }),
    { ...post("{}"), type: "text/plain" },
    words(inGo, { ...post("a: [b"), type: "application/yaml" }),
  ],
  "dry runs": [
    post(widget("dry", { size: 1 }), "dryRun=All"),
    get(at("dry")),
    post(widget("dry", { size: 1 })),
    post(widget("dry", { size: 1 }), "dryRun=All"),
    patch(at("dry", "dryRun=All"), mergePatch, { spec: { size: 5 } }),
    apply("dry", "one", { size: 6 }, "dryRun=All&force=true"),
    apply("dry-two", "one", { size: 6 }, "dryRun=All"),
    del(at("dry", "dryRun=All")),
    get(at("dry")),
  ],
  patches: [
    post(
      widget("p", {
        size: 1,
        pools: [
          { name: "a", replicas: 1 },
          { name: "b", replicas: 2 },
        ],
      }),
    ),
    patch(at("p"), jsonPatch, [
      { op: "test", path: "/spec/size", value: 1 },
      { op: "replace", path: "/spec/size", value: 2 },
    ]),
    patch(at("p"), jsonPatch, [
      { op: "test", path: "/spec/size", value: 1 },
      { op: "replace", path: "/spec/size", value: 3 },
    ]),
    patch(at("p"), jsonPatch, [{ op: "test", path: "/spec/nothing", value: 1 }]),
    patch(at("p"), jsonPatch, [{ op: "replace", path: "/spec/nothing", value: 1 }]),
    patch(at("p"), jsonPatch, [{ op: "remove", path: "/spec/nothing" }]),
    patch(at("p"), jsonPatch, [{ op: "add", path: "/spec/nothing/deeper", value: 1 }]),
    patch(at("p"), jsonPatch, [{ op: "add", path: "/spec/size", value: "x" }]),
    words(inGo, patch(at("p"), jsonPatch, [{ op: "rubbish", path: "/spec/size", value: 1 }])),
    words(inGo, patch(at("p"), jsonPatch, { op: "add" })),
    patch(at("p"), jsonPatch, [{ op: "test", path: "/metadata/resourceVersion", value: "1" }]),
    patch(at("p"), jsonPatch, [
      { op: "test", path: "/spec/pools/0/name", value: "a" },
      { op: "replace", path: "/spec/pools/0/replicas", value: 9 },
    ]),
    patch(at("p"), jsonPatch, [{ op: "add", path: "/spec/unknown", value: 1 }]),
    words(
      inGo,
      patch(at("p", "fieldValidation=Strict"), jsonPatch, [
        { op: "add", path: "/spec/unknown", value: 1 },
      ]),
    ),
    patch(at("p"), mergePatch, { spec: { size: null } }),
    patch(at("p"), mergePatch, { spec: { color: null } }),
    patch(at("p"), mergePatch, { metadata: { resourceVersion: "1" }, spec: { size: 9 } }),
    patch(at("p"), mergePatch, { metadata: { name: "other" } }),
    patch(at("p"), mergePatch, { metadata: { uid: "other" } }),
    patch(at("p"), mergePatch, {}),
    patch(at("p"), mergePatch, { status: { phase: "Done" } }),
    patch(at("p"), strategic, { spec: { size: 1 } }),
    patch(at("p"), "application/rubbish", {}),
    patch(at("none"), mergePatch, { spec: { size: 1 } }),
    patch(at("none"), jsonPatch, []),
  ],
  "server-side apply": [
    apply("s", "one", { size: 1, pools: [{ name: "a", replicas: 1 }] }),
    apply("s", "one", { size: 1, pools: [{ name: "a", replicas: 1 }] }),
    apply("s", "two", { size: 2 }),
    apply("s", "two", { size: 2 }, "force=true"),
    apply("s", "two", { pools: [{ name: "b", replicas: 1 }] }),
    apply("s", "one", { pools: [{ name: "b" }] }),
    apply("s", "one", {}),
    patch(at("s", "fieldManager=three"), mergePatch, { spec: { color: "blue" } }),
    apply("s", "one", { color: "green" }),
    patch(at("s"), applyPatch, widget("s", { size: 1 })),
    apart(yet, apply("s", "one", { size: "x" }, "force=true")),
    words(inGo, apply("s", "one", { sise: 1 })),
    words(inGo, apply("s", "one", { sise: 1 }, "fieldValidation=Strict")),
    apply("s", "one", {}, "", { managedFields: [{ manager: "x" }] }),
    patch(at("s", "fieldManager=one"), applyPatch, widget("other")),
    words(inGo, patch(at("s", "fieldManager=one"), applyPatch, "a: [b")),
    words(inGo, patch(at("s", "fieldManager=one"), applyPatch, { spec: {} })),
    patch(at("s/status", "fieldManager=op"), applyPatch, {
      ...widget("s"),
      status: { phase: "Up" },
    }),
    get(at("s")),
  ],
  "status and scale": [
    post({ ...widget("st", { replicas: 2 }), status: { phase: "Up" } }),
    patch(at("st/status"), mergePatch, { status: { phase: "Up", replicas: 2 } }),
    patch(at("st/status"), mergePatch, { status: { phase: null } }),
    patch(at("st/status"), mergePatch, { spec: { size: 1 }, metadata: { labels: { a: "b" } } }),
    get(at("st/status")),
    get(at("st/scale")),
    (seen) => ({
      method: "PUT",
      path: at("st/scale"),
      body: { ...(seen[5]?.body as object), spec: { replicas: 3 } },
    }),
    patch(at("st/scale"), mergePatch, { spec: { replicas: 4 } }),
    patch(at("st/scale"), mergePatch, { spec: { replicas: -1 } }),
    get(at("st/other")),
    apart(yet, get(at("st"))),
  ],
  deletions: [
    post(widget("d1", {}, { finalizers: ["try.example.org/hold"] })),
    del(at("d1"), { preconditions: { uid: "other" } }),
    del(at("d1"), { preconditions: { resourceVersion: "1" } }),
    del(at("d1")),
    del(at("d1")),
    patch(at("d1"), mergePatch, { spec: { size: 4 } }),
    patch(at("d1"), mergePatch, {
      metadata: { finalizers: ["try.example.org/hold", "try.example.org/new"] },
    }),
    post(widget("d1")),
    patch(at("d1"), mergePatch, { metadata: { finalizers: null } }),
    get(at("d1")),
    post(widget("d2")),
    (seen) =>
      del(at("d2"), {
        preconditions: { uid: uidIn(seen[10]?.body) },
      }),
    post(widget("d4")),
    del(at("d4"), { propagationPolicy: "Rubbish" }),
    del(at("d4"), { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 }),
    post(widget("d5")),
    words(inGo, del(at("d5"), "{")),
  ],
  secrets: [
    {
      method: "POST",
      path: secrets,
      body: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "se" },
        type: "Opaque",
        data: { a: "Yg==", k: "Yg==" },
      },
    },
    get(`${secrets}/se`),
    patch(`${secrets}/se`, mergePatch, { data: { c: "ZA==" } }),
    patch(`${secrets}/se`, strategic, { data: { a: null } }),
    patch(`${secrets}/se`, jsonPatch, [
      { op: "test", path: "/data/c", value: "ZA==" },
      { op: "remove", path: "/data/c" },
    ]),
    apart(
      yet,
      patch(`${secrets}/se?fieldManager=one`, applyPatch, {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "se" },
        data: { e: "Zg==" },
      }),
    ),
    patch(`${secrets}/se?fieldManager=two`, applyPatch, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "se" },
      data: { e: "Zw==" },
    }),
    del(`${secrets}/se`),
    get(`${secrets}/se`),
  ],
  "reads that are refused": [
    get("/apis/try.example.org/v9/widgets"),
    get("/apis/try.example.org/v1/wodgets"),
    get("/apis/rubbish.example.org/v1"),
    get("/apis/rubbish.example.org"),
    get("/apis/try.example.org"),
    get(at("none")),
    words(inGo, get(`${widgetsPath}?limit=x`)),
    get(`${widgetsPath}?limit=-1&fieldSelector=metadata.name%3Dnone`),
    words(inGo, get(`${widgetsPath}?labelSelector=a%20b%20c`)),
    get(`${widgetsPath}?fieldSelector=spec.size%3D1`),
    words(inGo, get(`${widgetsPath}?continue=rubbish`)),
    words(inGo, get(`${widgetsPath}?resourceVersion=x`)),
    get(`${widgetsPath}?resourceVersionMatch=Exact`),
    get(`${widgetsPath}?resourceVersion=1&resourceVersionMatch=Rubbish`),
    apart(yet, get(`${widgetsPath}?watch=true&resourceVersion=x`)),
    get(`${widgetsPath}?watch=true&sendInitialEvents=true`),
    get(`${widgetsPath}?watch=true&timeoutSeconds=1&resourceVersion=1&sendInitialEvents=true`),
    get(at("none"), { Accept: "text/html" }),
  ],
  tables: [
    post(widget("tab", { size: 1 })),
    get(at("tab"), { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" }),
    get(at("tab"), { Accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" }),
    get(`${widgetsPath}?fieldSelector=metadata.name%3Dtab`, {
      Accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    }),
    get(`${widgetsPath}?fieldSelector=metadata.name%3Dtab`, {
      Accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    }),
    get(`${widgetsPath}?fieldSelector=spec.host%3Dx`),
  ],
  "two versions of one object": [
    post(widget("v", { size: 1 })),
    get(at("v").replace("/v1/", "/v1beta1/")),
    patch(at("v").replace("/v1/", "/v1beta1/"), mergePatch, { spec: { size: 2 } }),
    patch(`${at("v").replace("/v1/", "/v1beta1/")}?fieldManager=one`, applyPatch, {
      ...widget("v", { color: "blue" }),
      apiVersion: "try.example.org/v1beta1",
    }),
    get(at("v")),
    post({ ...widget("v2"), apiVersion: "try.example.org/v1beta1" }),
  ],
};
