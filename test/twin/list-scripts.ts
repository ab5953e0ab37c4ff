import { widget, widgetsPath } from "#lab/kubernetes/try-widgets.ts";
import { at, get, inGo, metadataIn, post, words } from "./lines.ts";
import type { Line, Script } from "./script.ts";

const list = (query: string, headers?: Line["headers"]): Line =>
  get(`${widgetsPath}?${query}`, headers);
const table = { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
const selected = (selector: string): Line =>
  list(`labelSelector=${encodeURIComponent(`script=ls,${selector}`)}`);
const refused = (selector: string): Line =>
  words(inGo, list(`labelSelector=${encodeURIComponent(selector)}`));
const fields = (selector: string): Line =>
  list(`labelSelector=script%3Dls&fieldSelector=${encodeURIComponent(selector)}`);

const pages = "labelSelector=script%3Dlp&limit=2";

export const listScripts: Readonly<Record<string, Script>> = {
  "lists in pages": [
    ...["a", "b", "c", "d", "e"].map((name) =>
      post(widget(`lp-${name}`, {}, { labels: { script: "lp" } })),
    ),
    list(pages),
    (seen) => list(`${pages}&continue=${metadataIn(seen[5]).continue}`),
    (seen) => list(`${pages}&continue=${metadataIn(seen[6]).continue}`),
    (seen) => list(`labelSelector=script%3Dlp&continue=${metadataIn(seen[5]).continue}`),
    (seen) => list(`${pages}&continue=${metadataIn(seen[5]).continue}&resourceVersion=1`),
    (seen) =>
      list(
        `${pages}&continue=${metadataIn(seen[5]).continue}&resourceVersion=1&resourceVersionMatch=Exact`,
      ),
    (seen) =>
      list(`${pages}&continue=${metadataIn(seen[5]).continue}&resourceVersionMatch=NotOlderThan`),
    (seen) =>
      get(
        `/apis/try.example.org/v1beta1/namespaces/default/widgets?${pages}&continue=${metadataIn(seen[5]).continue}`,
      ),
    list("labelSelector=script%3Dlp&limit=4"),
    list("labelSelector=script%3Dlp&limit=0"),
    list("fieldSelector=metadata.name%3Dlp-a&limit=1"),
    list(pages, table),
    list(pages, { Accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" }),
    list(`${pages}&resourceVersion=0`),
    list(`${pages}&resourceVersion=0&resourceVersionMatch=NotOlderThan`),
    (seen) => list(`${pages}&resourceVersion=${metadataIn(seen[5]).resourceVersion}`),
    (seen) =>
      list(
        `${pages}&resourceVersion=${metadataIn(seen[5]).resourceVersion}&resourceVersionMatch=NotOlderThan`,
      ),
    (seen) =>
      list(
        `${pages}&resourceVersion=${metadataIn(seen[5]).resourceVersion}&resourceVersionMatch=Exact`,
      ),
    (seen) => list(`${pages}&resourceVersion=${metadataIn(seen[5]).resourceVersion}&continue=`),
  ],
  "lists of a revision": [
    post(widget("lr", { size: 1 })),
    list("fieldSelector=metadata.name%3Dlr"),
    post(widget("lr2", { size: 1 })),
    (seen) =>
      list(
        `resourceVersion=${metadataIn(seen[1]).resourceVersion}&resourceVersionMatch=Exact&fieldSelector=metadata.name%3Dlr2`,
      ),
    (seen) =>
      list(
        `resourceVersion=${metadataIn(seen[1]).resourceVersion}&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dlr2`,
      ),
    (seen) =>
      list(
        `resourceVersion=${metadataIn(seen[1]).resourceVersion}&fieldSelector=metadata.name%3Dlr2`,
      ),
    list("resourceVersion=0&resourceVersionMatch=Exact"),
    list("resourceVersion=-1"),
    list("resourceVersion=0&fieldSelector=metadata.name%3Dlr2"),
    list("resourceVersionMatch=NotOlderThan"),
    list("resourceVersionMatch="),
    list("resourceVersionMatch=Rubbish"),
    words("It names a revision.", list("resourceVersion=999999999")),
    words(
      "It names a revision.",
      list("resourceVersion=999999999&resourceVersionMatch=NotOlderThan"),
    ),
    words("It names a revision.", list("resourceVersion=999999999&resourceVersionMatch=Exact")),
    (seen) => get(`${at("lr")}?resourceVersion=${metadataIn(seen[0]).resourceVersion}`),
    get(`${at("lr")}?resourceVersion=0`),
    words("It names a revision.", get(`${at("lr")}?resourceVersion=999999999`)),
    words(inGo, get(`${at("lr")}?resourceVersion=x`)),
  ],
  "lists of a selection": [
    post(widget("ls-a", { host: "h" }, { labels: { script: "ls", tier: "front", n: "5" } })),
    post(widget("ls-b", {}, { labels: { script: "ls", tier: "back", n: "7", empty: "" } })),
    post(widget("ls-c", {}, { labels: { script: "ls", "a.example/b": "x" } })),
    ...[
      "tier",
      "!tier",
      "tier=front",
      "tier==front",
      "tier!=front",
      "tier in (front,back)",
      "tier in (front)",
      "tier in ()",
      "tier in (,front)",
      "tier notin (front)",
      "tier notin (front, back)",
      "n>5",
      "n>4",
      "n<7",
      "n < 7",
      "n > x",
      "empty=",
      "empty",
      "tier=",
      "tier!=",
      "a.example/b=x",
      "a.example/b in (x,y), !tier",
      " tier = front ",
      "tier in(front)",
      "tier, n",
      "tier=front,tier=back",
      "! tier",
    ].map(selected),
    ...[
      ",",
      "a,",
      ",a",
      "a b",
      "a=b c",
      "a in",
      "a in b",
      "a in (b",
      "a in b)",
      "a=b=c",
      "=a",
      "!",
      "!a=b",
      "a/b/c",
      "-a",
      "a=-b",
      "a=b!",
      "a>b",
      "a>1.5",
      "a=(b)",
      "a notin b",
      "a exists",
      "A_b.c=d,e in (f,g),h notin (i),j,!k,l>1,m<2",
      `a=${"x".repeat(64)}`,
      `${"x".repeat(64)}=a`,
      "(a)",
      "a===b",
    ].map(refused),
    ...[
      "metadata.name=ls-a",
      "metadata.name==ls-a",
      "metadata.name!=ls-a",
      "metadata.namespace=default",
      "metadata.namespace!=default",
      "metadata.namespace=other",
      "metadata.name=ls-a,metadata.name=ls-b",
      "metadata.name=ls-a,spec.host=h",
      "spec.host=h",
      "spec.host!=h",
      "spec.host=",
      "metadata.name=",
      "metadata.uid=x",
      "spec.host",
      "spec.host=a=b",
      "metadata.name in (a)",
      "status.phase=Up",
      ",",
      "metadata.name=ls-a,",
      "metadata.name=a\\,b",
      " metadata.name = ls-a ",
    ].map(fields),
  ],
  "lists of other places and in other forms": [
    get("/apis/try.example.org/v1/namespaces/nowhere/widgets"),
    get("/apis/try.example.org/v1/namespaces/nowhere/widgets/a"),
    get("/apis/try.example.org/v1/namespaces/nowhere/wodgets"),
    get("/apis/try.example.org/v2/namespaces/default/widgets"),
    get("/apis/try.example.org/v1/namespaces/default"),
    get("/apis/try.example.org/v1/nowhere"),
    get("/api/v1/rubbish"),
    get("/api/v2"),
    get("/api/v1/namespaces/default/rubbish"),
    get("/api/v1/namespaces/nowhere/secrets"),
    get("/api/v1/namespaces/default/secrets/none"),
    get("/api/v1/namespaces/none"),
    get("/apis/try.example.org/v1"),
    get("/apis/try.example.org/v1beta1"),
    post(widget("lo", { size: 1 }, { labels: { script: "lo" } })),
    ...[
      "application/json;as=Table;v=v1;g=meta.k8s.io",
      "application/json;as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1beta1,application/json",
      "application/json;as=Table;v=v2;g=meta.k8s.io",
      "application/json;as=Table;v=v2;g=meta.k8s.io,application/json",
      "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
      "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
      "application/json;as=Rubbish;v=v1;g=meta.k8s.io",
      "application/json;as=Rubbish;v=v1;g=meta.k8s.io,*/*",
      "application/vnd.kubernetes.protobuf,application/json",
      "*/*",
      "text/html,*/*;q=0.8",
      "application/*",
      "application/json; charset=utf-8",
      "application/json;q=0.1",
      "",
      "rubbish",
    ].flatMap((Accept) => [
      get(at("lo"), { Accept }),
      list("labelSelector=script%3Dlo", { Accept }),
    ]),
    list("labelSelector=script%3Dlo&includeObject=None", table),
    list("labelSelector=script%3Dlo&includeObject=Object", table),
    list("labelSelector=script%3Dlo&includeObject=Metadata", table),
    list("labelSelector=script%3Dlo&includeObject=Rubbish", table),
    get(`${at("lo")}?includeObject=None`, table),
    list("labelSelector=script%3Dnobody", table),
    get(at("none"), table),
    list("labelSelector=script%3Dlo&pretty=true"),
  ],
};
