import { widget, widgetsPath } from "#lab/kubernetes/try-widgets.ts";
import {
  apart,
  at,
  del,
  get,
  inGo,
  mergePatch,
  metadataIn,
  patch,
  post,
  secrets,
  words,
} from "./lines.ts";
import type { Line, Script } from "./script.ts";

const hold = "try.example.org/hold";
const free = (name: string): Line =>
  patch(at(name), mergePatch, { metadata: { finalizers: null } });
/** The lab collects garbage, which a bare API server leaves to another program. */
const collected = (line: Line): Line => apart("It may be gone already.", line);
const mine = "labelSelector=script%3Ddc";

export const deleteScripts: Readonly<Record<string, Script>> = {
  "deletions with preconditions": [
    post(widget("dp", {}, { finalizers: [hold] })),
    (seen) =>
      del(at("dp"), { preconditions: { uid: metadataIn(seen[0]).uid, resourceVersion: "1" } }),
    (seen) =>
      del(at("dp"), {
        preconditions: { uid: "x", resourceVersion: metadataIn(seen[0]).resourceVersion },
      }),
    del(at("dp"), { preconditions: { uid: "x", resourceVersion: "1" } }),
    del(at("dp"), { preconditions: {} }),
    del(at("dp"), { preconditions: { uid: "x" } }),
    (seen) => del(at("dp"), { preconditions: { uid: metadataIn(seen[0]).uid } }),
    free("dp"),
    del(at("none"), { preconditions: { uid: "x" } }),
  ],
  "deletions of each policy": [
    ...["Foreground", "Background", "Orphan"].flatMap((policy) => {
      const name = `dk-${policy.toLowerCase()}`;
      return [
        post(widget(name)),
        del(at(name), { propagationPolicy: policy, dryRun: ["All"] }),
        del(at(name), { propagationPolicy: policy }),
        collected(free(name)),
        post(widget(`${name}2`, {}, { finalizers: [hold] })),
        del(at(`${name}2`, `propagationPolicy=${policy}`)),
        collected(free(`${name}2`)),
        post(
          widget(
            `${name}3`,
            {},
            { finalizers: [policy === "Orphan" ? "foregroundDeletion" : "orphan", hold] },
          ),
        ),
        del(at(`${name}3`), { propagationPolicy: policy }),
        collected(free(`${name}3`)),
      ];
    }),
    ...[true, false].flatMap((orphanDependents) => [
      post(widget("dk")),
      del(at("dk"), { orphanDependents }),
      collected(free("dk")),
    ]),
    post(widget("dk4", {}, { finalizers: [hold] })),
    del(at("dk4"), { orphanDependents: true, propagationPolicy: "Background" }),
    del(at("dk4", "propagationPolicy=rubbish")),
    del(at("dk4", "propagationPolicy=Foreground"), { propagationPolicy: "Background" }),
    free("dk4"),
    post(widget("dk5")),
    del(at("dk5"), { propagationPolicy: "Orphan", preconditions: { uid: "x" } }),
    del(at("dk5", "gracePeriodSeconds=30")),
    post(widget("dk6", {}, { finalizers: [hold] })),
    del(at("dk6"), { gracePeriodSeconds: 30 }),
    get(at("dk6")),
    del(at("dk6"), { gracePeriodSeconds: 0 }),
    get(at("dk6")),
    del(at("dk6"), { gracePeriodSeconds: -1 }),
    words(inGo, del(at("dk6"), { gracePeriodSeconds: "x" })),
    patch(at("dk6"), mergePatch, { metadata: { deletionTimestamp: null } }),
    patch(at("dk6"), mergePatch, { metadata: { deletionGracePeriodSeconds: 7 } }),
    patch(at("dk6"), mergePatch, { metadata: { labels: { a: "b" } } }),
    free("dk6"),
    post(widget("dk7", {}, { deletionTimestamp: "2020-01-01T00:00:00Z" })),
    post(widget("dk8", {}, { deletionGracePeriodSeconds: 7, selfLink: "/x" })),
    get(at("dk7")),
    words(inGo, del(at("dk7"), { kind: "Other", apiVersion: "v1" })),
    del(at("dk7"), { kind: "DeleteOptions", apiVersion: "try.example.org/v1" }),
    post(widget("dk9")),
    del(at("dk9"), { kind: "DeleteOptions", apiVersion: "rubbish/v1" }),
    del(at("dk9"), { rubbish: 1 }),
    post(widget("dk10")),
    words(inGo, { ...del(at("dk10"), "{}"), type: "text/plain" }),
    words(inGo, del(at("dk10"), "[]")),
    del(at("dk10"), "null"),
    del(`${at("dk10")}/status`),
    del(`${at("dk10")}/scale`),
    del("/apis/try.example.org/v1/widgets/dk10"),
  ],
  "deletions of many": [
    ...["a", "b", "c"].map((name) => post(widget(`dc-${name}`, {}, { labels: { script: "dc" } }))),
    post(widget("dc-held", {}, { labels: { script: "dc" }, finalizers: [hold] })),
    del(`${widgetsPath}?${mine}&dryRun=All`),
    get(`${widgetsPath}?${mine}`),
    del(`${widgetsPath}?${mine}&propagationPolicy=rubbish`),
    del(`${widgetsPath}?${mine}&fieldSelector=metadata.name%3Ddc-a`),
    del(`${widgetsPath}?${mine}&limit=1`),
    get(`${widgetsPath}?${mine}`),
    del(`${widgetsPath}?${mine}`, { preconditions: { uid: "x" } }),
    del(`${widgetsPath}?${mine}`),
    get(`${widgetsPath}?${mine}`),
    del(`${widgetsPath}?${mine}`),
    free("dc-held"),
    del(`${widgetsPath}?${mine}`),
    del(`${widgetsPath}?labelSelector=a%20b`),
    del(`${widgetsPath}?fieldSelector=spec.size%3D1`),
    post(widget("dc-d", {}, { labels: { script: "dc" } })),
    del(`${widgetsPath}?${mine}&propagationPolicy=Foreground`),
    collected(free("dc-d")),
    del("/apis/try.example.org/v1/widgets"),
    del(`${secrets}?labelSelector=script%3Dnone`),
    {
      method: "POST",
      path: secrets,
      body: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "dcs", labels: { script: "dcs" } },
      },
    },
    apart(
      "A list of a built-in kind does not say what its items are.",
      del(`${secrets}?labelSelector=script%3Ddcs`),
    ),
    del("/apis/try.example.org/v1/namespaces/nowhere/widgets"),
    get(`${widgetsPath}?${mine}`, { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" }),
  ],
  "scales of every kind": [
    post(widget("sc", { replicas: 2 })),
    get(at("sc/scale")),
    (seen) => ({
      method: "PUT",
      path: at("sc/scale"),
      body: { ...(seen[1]?.body as object), spec: {} },
    }),
    (seen) => ({
      method: "PUT",
      path: at("sc/scale"),
      body: { ...(seen[1]?.body as object), spec: { replicas: 5 } },
    }),
    {
      method: "PUT",
      path: at("sc/scale"),
      body: {
        apiVersion: "autoscaling/v1",
        kind: "Scale",
        metadata: { name: "sc" },
        spec: { replicas: 6 },
      },
    },
    {
      method: "PUT",
      path: at("sc/scale"),
      body: {
        apiVersion: "autoscaling/v1",
        kind: "Scale",
        metadata: { name: "other" },
        spec: { replicas: 6 },
      },
    },
    words(inGo, { method: "PUT", path: at("sc/scale"), body: { spec: { replicas: 6 } } }),
    words(inGo, { method: "PUT", path: at("sc/scale"), body: widget("sc") }),
    words(inGo, patch(at("sc/scale"), mergePatch, { spec: { replicas: "x" } })),
    patch(at("sc/scale"), mergePatch, { spec: { replicas: null } }),
    patch(at("sc/scale", "fieldManager=one"), mergePatch, { spec: { replicas: 9 } }),
    patch(at("sc/scale"), mergePatch, {
      spec: { replicas: 9 },
      metadata: { resourceVersion: "1" },
    }),
    patch(at("sc/scale"), mergePatch, { status: { replicas: 9 } }),
    patch(at("sc/scale"), "application/json-patch+json", [
      { op: "test", path: "/spec/replicas", value: 9 },
      { op: "replace", path: "/spec/replicas", value: 10 },
    ]),
    patch(at("sc/scale"), "application/json-patch+json", [
      { op: "test", path: "/spec/replicas", value: 9 },
    ]),
    patch(at("sc/scale"), "application/strategic-merge-patch+json", { spec: { replicas: 1 } }),
    get(at("none/scale")),
    patch(at("none/scale"), mergePatch, { spec: { replicas: 1 } }),
    apart(
      "Of a number that was none once, the real server notes no owner any more.",
      get(at("sc")),
    ),
  ],
};
