import { widget, widgetsPath } from "#lab/kubernetes/try-widgets.ts";
import { at, del, get, mergePatch, metadataIn, patch, post } from "./lines.ts";
import type { Answer, Line, Script } from "./script.ts";

/** A watch that ends by itself; `names` keep it to its own script. */
const watch = (query: string, headers?: Line["headers"]): Line =>
  get(`${widgetsPath}?watch=true&timeoutSeconds=1&${query}`, headers);

const since =
  (index: number, query: string, headers?: Line["headers"]) => (seen: readonly Answer[]) =>
    watch(`resourceVersion=${metadataIn(seen[index]).resourceVersion}&${query}`, headers);

const relabel = (name: string, labels: object): Line =>
  patch(at(name), mergePatch, { metadata: { labels } });

const none = `${widgetsPath}?labelSelector=script%3Dnone`;
const initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
const table = { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
const partial = { Accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" };

/** Watches look back at what their script has done, so that they hold the same events each time. */
export const watchScripts: Readonly<Record<string, Script>> = {
  "watches from a revision": [
    get(none),
    post(widget("wa", { size: 1 }, { labels: { script: "wa" } })),
    post(widget("wb", { size: 1 }, { labels: { script: "wa", tier: "one" } })),
    patch(at("wa"), mergePatch, { spec: { size: 2 } }),
    patch(at("wa/status"), mergePatch, { status: { phase: "Up" } }),
    relabel("wa", { tier: "one" }),
    relabel("wa", { tier: "two" }),
    del(at("wa")),
    since(0, "labelSelector=script%3Dwa"),
    since(0, "labelSelector=tier%3Done"),
    since(0, "labelSelector=script%3Dwa,tier%20notin%20(one)"),
    since(0, "labelSelector=script%3Dwa,!tier"),
    since(1, "labelSelector=script%3Dwa"),
    since(0, "fieldSelector=metadata.name%3Dwa"),
    since(0, "fieldSelector=metadata.name%3Dwa,metadata.namespace%3Ddefault"),
    since(0, "fieldSelector=metadata.name%21%3Dwa&labelSelector=script%3Dwa"),
    since(0, "fieldSelector=metadata.namespace%3Dother"),
    since(0, "labelSelector=script%3Dwa", table),
    since(0, "labelSelector=script%3Dwa", partial),
    since(0, "fieldSelector=spec.size%3D1"),
    since(0, "labelSelector=a%20b"),
    (seen) =>
      get(
        `${at("wb")}?watch=true&timeoutSeconds=1&resourceVersion=${metadataIn(seen[0]).resourceVersion}`,
      ),
    (seen) =>
      get(
        `${widgetsPath.replace("/widgets", "/watch/widgets")}?timeoutSeconds=1&resourceVersion=${metadataIn(seen[0]).resourceVersion}`,
      ),
    (seen) =>
      get(
        `/apis/try.example.org/v1/widgets?watch=true&timeoutSeconds=1&labelSelector=script%3Dwa&resourceVersion=${metadataIn(seen[0]).resourceVersion}`,
      ),
    (seen) =>
      get(
        `/apis/try.example.org/v1beta1/namespaces/default/widgets?watch=1&timeoutSeconds=1&labelSelector=script%3Dwa&resourceVersion=${metadataIn(seen[0]).resourceVersion}`,
      ),
  ],
  "watches of what a selected field was": [
    get(none),
    post(widget("wf", { host: "h1" })),
    patch(at("wf"), mergePatch, { spec: { host: "h2" } }),
    patch(at("wf"), mergePatch, { spec: { host: "h1" } }),
    del(at("wf")),
    since(0, "fieldSelector=spec.host%3Dh1"),
    since(0, "fieldSelector=spec.host%21%3Dh1,metadata.name%3Dwf"),
  ],
  "watches of what is being deleted": [
    get(none),
    post(widget("wd", {}, { finalizers: ["try.example.org/hold"] })),
    del(at("wd")),
    patch(at("wd"), mergePatch, { metadata: { finalizers: null } }),
    post(widget("wd")),
    del(at("wd")),
    since(0, "fieldSelector=metadata.name%3Dwd"),
  ],
  "watches that begin with what there is": [
    post(widget("wi", {}, { labels: { script: "wi" } })),
    post(widget("wj", {}, { labels: { script: "wi" } })),
    watch("labelSelector=script%3Dwi"),
    watch("labelSelector=script%3Dwi&resourceVersion=0"),
    watch(`labelSelector=script%3Dwi&${initial}&allowWatchBookmarks=true`),
    watch(`labelSelector=script%3Dwi&${initial}&allowWatchBookmarks=true&resourceVersion=0`),
    watch(`labelSelector=script%3Dwi&${initial}`),
    watch(`labelSelector=script%3Dwi&${initial}&allowWatchBookmarks=true`, table),
    watch(`labelSelector=script%3Dwi&${initial}&allowWatchBookmarks=true`, partial),
    watch(`labelSelector=script%3Dnobody&${initial}&allowWatchBookmarks=true`),
    since(0, `labelSelector=script%3Dwi&${initial}&allowWatchBookmarks=true`),
    since(0, "labelSelector=script%3Dwi&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
    since(0, "labelSelector=script%3Dwi&sendInitialEvents=false"),
    watch("sendInitialEvents=true&resourceVersionMatch=Exact"),
    watch("sendInitialEvents=rubbish"),
    watch("resourceVersionMatch=NotOlderThan"),
    watch("resourceVersion=1&resourceVersionMatch=NotOlderThan"),
    get(`${widgetsPath}?sendInitialEvents=true`),
    get(`${widgetsPath}?labelSelector=script%3Dnobody&${initial}`),
    get(`${widgetsPath}?labelSelector=script%3Dnobody&allowWatchBookmarks=true`),
    watch("resourceVersion=x"),
    watch("resourceVersion=-1"),
    watch("resourceVersion=1.5"),
    watch("resourceVersion=99999999999999999999999"),
    watch("limit=1&labelSelector=script%3Dwi"),
    watch("continue=rubbish&labelSelector=script%3Dwi"),
    watch("resourceVersion=1"),
    watch("resourceVersion=1", table),
    get(`${widgetsPath}?watch=rubbish&labelSelector=script%3Dwi&timeoutSeconds=1`),
    get(`${widgetsPath}?watch&labelSelector=script%3Dwi&timeoutSeconds=1`),
    get(`${widgetsPath}?watch=True&labelSelector=script%3Dwi&timeoutSeconds=1`),
    get(`${widgetsPath}?watch=0&labelSelector=script%3Dwi`),
    get(`${widgetsPath}?watch=false&labelSelector=script%3Dwi`),
    get(`${widgetsPath}?watch=true&timeoutSeconds=x`),
  ],
};
