import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tokenOf, tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

/*
 * Each test is a line of what a real kube-apiserver 1.32 was measured to answer to lists and watches.
 */

const apply = { type: "application/merge-patch+json" };

describe("a list", () => {
  let lab: TryCluster;
  beforeAll(async () => {
    lab = await tryCluster({ crds: [widgets] });
    for (let count = 0; count < 50; count += 1)
      await lab.ask("POST", widgetsPath, { body: widget(`w-${String(count).padStart(2, "0")}`) });
  });
  afterAll(() => lab.end());

  test("comes in pages of one revision, and what is created meanwhile is in none", async () => {
    const first = await lab.ask("GET", `${widgetsPath}?limit=20`);
    expect(first.body.items).toHaveLength(20);
    expect(first.body.metadata.remainingItemCount).toBe(30);
    await lab.ask("POST", widgetsPath, { body: widget("w-25-late") });
    const names: string[] = first.body.items.map(({ metadata }) => metadata.name);
    let token = first.body.metadata.continue;
    while (token !== undefined) {
      const page = await lab.ask("GET", `${widgetsPath}?limit=20&continue=${token}`);
      expect(page.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
      names.push(...page.body.items.map(({ metadata }) => metadata.name));
      token = page.body.metadata.continue;
    }
    expect(names).toHaveLength(50);
    expect(names).not.toContain("w-25-late");
    await lab.ask("DELETE", `${widgetsPath}/w-25-late`);
  });

  test("that goes on after a compaction is 410, with a token that goes on at a newer revision", async () => {
    const first = await lab.ask("GET", `${widgetsPath}?limit=20`);
    await lab.ask("PATCH", `${widgetsPath}/w-00`, { body: { spec: { size: 9 } }, ...apply });
    lab.cluster.store.compact();
    const gone = await lab.ask(
      "GET",
      `${widgetsPath}?limit=20&continue=${first.body.metadata.continue}`,
    );
    expect(gone.status).toBe(410);
    expect(gone.body).toMatchObject({ kind: "Status", reason: "Expired" });
    const rest = await lab.ask("GET", `${widgetsPath}?continue=${gone.body.metadata.continue}`);
    expect(rest.body.items).toHaveLength(30);
    expect(Number(rest.body.metadata.resourceVersion)).toBeGreaterThan(
      Number(first.body.metadata.resourceVersion),
    );
  });

  test("of an exact revision is as it was then, and 410 after a compaction", async () => {
    const before = await lab.ask("GET", widgetsPath);
    const { resourceVersion } = before.body.metadata;
    await lab.ask("PATCH", `${widgetsPath}/w-01`, { body: { spec: { size: 5 } }, ...apply });
    const path = `${widgetsPath}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`;
    const then = await lab.ask("GET", path);
    expect(then.body.items).toEqual(before.body.items);
    lab.cluster.store.compact();
    expect(await lab.ask("GET", path)).toMatchObject({ status: 410, body: { reason: "Expired" } });
  });

  test("of resourceVersion 0 ignores the limit", async () => {
    const all = await lab.ask("GET", `${widgetsPath}?resourceVersion=0&limit=5`);
    expect(all.body.items).toHaveLength(50);
    expect(all.body.metadata.continue).toBeUndefined();
  });

  test("of a revision of the future is 504 with ResourceVersionTooLarge", async () => {
    const future = lab.cluster.store.revision + 1000;
    const told = await lab.ask("GET", `${widgetsPath}?resourceVersion=${future}`);
    expect(told.status).toBe(504);
    expect(told.headers["retry-after"]).toBe("1");
    expect(told.body).toMatchObject({
      reason: "Timeout",
      details: { causes: [{ reason: "ResourceVersionTooLarge" }] },
    });
  });

  test("is selected by labels, names and the fields that its definition lists, by no others", async () => {
    const labels = { tier: "front" };
    const body = widget("picked", { host: "h1" }, { labels });
    await lab.ask("POST", widgetsPath, { body });
    const names = async (query: string): Promise<readonly string[]> =>
      (await lab.ask("GET", `${widgetsPath}?${query}`)).body.items.map((one) => one.metadata.name);
    for (const query of [
      "labelSelector=tier%3Dfront",
      "labelSelector=tier%20in%20(front,back)",
      "labelSelector=tier,tier!%3Dback",
      "fieldSelector=metadata.name%3Dpicked",
      "fieldSelector=spec.host%3Dh1",
    ])
      expect(await names(query)).toEqual(["picked"]);
    const refused = await lab.ask("GET", `${widgetsPath}?fieldSelector=spec.size%3D1`);
    expect(refused.status).toBe(400);
    expect(refused.body.message).toContain("field label not supported: spec.size");
    await lab.ask("DELETE", `${widgetsPath}/picked`);
  });
});

describe("a watch", () => {
  let lab: TryCluster;
  beforeAll(async () => {
    lab = await tryCluster({ crds: [widgets] });
  });
  afterAll(() => lab.end());
  const at = (query: string): string => `${widgetsPath}?watch=true&${query}`;
  const tooOld = {
    type: "ERROR",
    object: { kind: "Status", code: 410, reason: "Expired" },
  };

  test("from a revision that is too old is 200, one ERROR event, and the end", async () => {
    const watching = await lab.watch(at("resourceVersion=1"));
    expect(watching.status).toBe(200);
    expect(await watching.rest()).toMatchObject([tooOld]);
  });

  test("goes on over a compaction, but not over a restart of the API server", async () => {
    const made = await lab.ask("POST", widgetsPath, { body: widget("kept") });
    const { resourceVersion } = made.body.metadata;
    await lab.ask("DELETE", `${widgetsPath}/kept`);
    lab.cluster.store.compact();
    const replayed = await lab.watch(at(`resourceVersion=${resourceVersion}`));
    expect(await replayed.next()).toMatchObject({ type: "DELETED" });
    lab.cluster.store.restart();
    expect(await replayed.next()).toBeUndefined();
    const afterwards = await lab.watch(at(`resourceVersion=${resourceVersion}`));
    expect(await afterwards.rest()).toMatchObject([tooOld]);
  });

  test("from a revision of the future is silent until the cluster has come so far", async () => {
    const future = lab.cluster.store.revision + 4;
    const watching = await lab.watch(at(`resourceVersion=${future}&timeoutSeconds=30`));
    expect(watching.status).toBe(200);
    for (let count = 0; count < 6; count += 1)
      await lab.ask("POST", widgetsPath, { body: widget(`f-${count}`) });
    expect((await watching.next())?.object.metadata.name).toBe("f-4");
    expect((await watching.next())?.object.metadata.name).toBe("f-5");
    watching.close();
  });

  test("ends cleanly when its time is over, with a bookmark shortly before", async () => {
    const { revision } = lab.cluster.store;
    const query = `resourceVersion=${revision}&allowWatchBookmarks=true&timeoutSeconds=3`;
    const watching = await lab.watch(at(query));
    const bookmark = {
      type: "BOOKMARK",
      object: {
        apiVersion: "try.example.org/v1",
        kind: "Widget",
        metadata: { resourceVersion: String(revision) },
      },
    };
    expect(await watching.rest()).toEqual([bookmark]);
    expect(watching.remainder()).toBe("");
  });

  test("with initial events sends each object, a bookmark that says so, and goes on", async () => {
    const listed = await lab.ask("GET", widgetsPath);
    const watching = await lab.watch(
      at("sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"),
    );
    for (const { metadata } of listed.body.items)
      expect(await watching.next()).toMatchObject({
        type: "ADDED",
        object: { metadata: { name: metadata.name } },
      });
    expect(await watching.next()).toMatchObject({
      type: "BOOKMARK",
      object: { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
    });
    await lab.ask("POST", widgetsPath, { body: widget("afterwards") });
    expect(await watching.next()).toMatchObject({
      type: "ADDED",
      object: { metadata: { name: "afterwards" } },
    });
    watching.close();
  });

  test("of a selection says ADDED for what enters it and DELETED for what leaves it", async () => {
    await lab.ask("POST", widgetsPath, { body: widget("mover") });
    const { revision } = lab.cluster.store;
    const watching = await lab.watch(at(`resourceVersion=${revision}&labelSelector=in%3Dyes`));
    for (const label of ["yes", null])
      await lab.ask("PATCH", `${widgetsPath}/mover`, {
        body: { metadata: { labels: { in: label } } },
        ...apply,
      });
    expect((await watching.next())?.type).toBe("ADDED");
    // It is told as it was while it was selected, at the revision at which it left.
    expect(await watching.next()).toMatchObject({
      type: "DELETED",
      object: {
        metadata: { labels: { in: "yes" }, resourceVersion: String(lab.cluster.store.revision) },
      },
    });
    watching.close();
  });
});

describe("who calls and where", () => {
  let lab: TryCluster;
  beforeAll(async () => {
    lab = await tryCluster({ crds: [widgets] });
  });
  afterAll(() => lab.end());

  test("nobody known is 401, who may not is 403, both as a Status", async () => {
    const stranger = await lab.ask("GET", widgetsPath, { token: "unknown" });
    expect(stranger).toMatchObject({ status: 401, body: { reason: "Unauthorized" } });
    const token = tokenOf(lab.cluster, "lab-reader");
    expect((await lab.ask("GET", widgetsPath, { token })).status).toBe(200);
    const refused = await lab.ask("POST", widgetsPath, { token, body: widget("x") });
    expect(refused).toMatchObject({ status: 403, body: { reason: "Forbidden" } });
    expect((await lab.ask("GET", "/api/v1/secrets", { token })).status).toBe(403);
  });

  test("an unknown resource is 404 in plain text, KubeVirt's commands without KubeVirt 404", async () => {
    const unknown = await lab.ask("GET", "/apis/try.example.org/v1/gadgets");
    expect(unknown).toMatchObject({ status: 404, text: "404 page not found\n" });
    const command =
      "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/vm/restart";
    expect((await lab.ask("PUT", command, { body: {} })).status).toBe(404);
    const object = await lab.ask("GET", `${widgetsPath}/missing`);
    expect(object).toMatchObject({ status: 404, body: { kind: "Status", reason: "NotFound" } });
  });

  test("a server that starts is 503, then 429, then ready", async () => {
    let now = Date.now();
    const slow = await tryCluster({ crds: [widgets], clock: () => now, speed: 1 });
    slow.cluster.restart();
    expect((await slow.ask("GET", "/readyz")).status).toBe(500);
    expect((await slow.ask("GET", widgetsPath)).status).toBe(503);
    now += 6_000;
    const busy = await slow.ask("GET", widgetsPath);
    expect(busy.status).toBe(429);
    expect(busy.headers["retry-after"]).toBe("1");
    now += 6_000;
    expect((await slow.ask("GET", "/readyz")).text).toBe("ok");
    expect((await slow.ask("GET", widgetsPath)).status).toBe(200);
    await slow.end();
  });
});
