import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

let lab: TryCluster;
let count = 0;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());
beforeEach(() => lab.cluster.faults.clear());

async function make(): Promise<string> {
  count += 1;
  const told = await lab.ask("POST", widgetsPath, { body: widget(`w-${count}`) });
  return told.body.metadata.name;
}

const watchFromNow = () =>
  lab.watch(`${widgetsPath}?watch=true&resourceVersion=${lab.cluster.store.revision}`);

describe("a disturbed request", () => {
  test("is answered as asked, so many times, where path and method fit", async () => {
    lab.cluster.faults.add({
      path: "/widgets",
      method: "GET",
      status: 429,
      retryAfterSeconds: 7,
      times: 1,
    });
    expect((await lab.ask("POST", widgetsPath, { body: widget("other") })).status).toBe(201);
    const busy = await lab.ask("GET", widgetsPath);
    expect(busy).toMatchObject({ status: 429, body: { reason: "TooManyRequests" } });
    expect(busy.headers["retry-after"]).toBe("7");
    expect((await lab.ask("GET", widgetsPath)).status).toBe(200);
  });

  test("is answered with rubbish, or carried out and cut", async () => {
    lab.cluster.faults.add({ method: "GET", rubbish: true, times: 1 });
    const told = await lab.ask("GET", widgetsPath);
    expect(told.status).toBe(200);
    expect(() => JSON.parse(told.text) as unknown).toThrow(SyntaxError);
    lab.cluster.faults.add({ method: "POST", cut: "after", times: 1 });
    await expect(lab.ask("POST", widgetsPath, { body: widget("lost") })).rejects.toThrow();
    expect((await lab.ask("GET", `${widgetsPath}/lost`)).status).toBe(200);
  });
});

describe("a disturbed watch", () => {
  test("that is expired ends with an ERROR event, a new one and an open one", async () => {
    const open = await watchFromNow();
    lab.cluster.faults.add({ watch: "expired", times: 2 });
    const fresh = await watchFromNow();
    expect(await fresh.rest()).toMatchObject([{ type: "ERROR", object: { code: 410 } }]);
    await make();
    expect(await open.rest()).toMatchObject([{ type: "ERROR", object: { code: 410 } }]);
  });

  test("that is cut breaks off in the middle of a line", async () => {
    const watching = await watchFromNow();
    await make();
    expect((await watching.next())?.type).toBe("ADDED");
    lab.cluster.faults.add({ watch: "cut", times: 1 });
    await make();
    expect(await watching.rest()).toEqual([]);
    expect(watching.remainder()).toMatch(/^\{"type":"ADDED"/);
  });

  test("that is silent stays open and says nothing more", async () => {
    const silent = await watchFromNow();
    lab.cluster.faults.add({ watch: "silent", times: 1 });
    await make();
    const loud = await watchFromNow();
    await make();
    expect((await loud.next())?.type).toBe("ADDED");
    silent.close();
    loud.close();
    expect(await silent.rest()).toEqual([]);
  });
});

describe("a watch list over an old etcd", () => {
  const initial =
    "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";

  test("is told inside of the stream that it cannot be had, and a watch without it goes on", async () => {
    lab.cluster.faults.add({ watch: "old-etcd" });
    const refused = await lab.watch(`${widgetsPath}?watch=true&${initial}`);
    expect(refused.status).toBe(200);
    expect(await refused.rest()).toMatchObject([
      {
        type: "ERROR",
        object: {
          kind: "Status",
          code: 500,
          message: "required storage feature RequestWatchProgress is disabled",
        },
      },
    ]);
    const plain = await watchFromNow();
    await make();
    expect((await plain.next())?.type).toBe("ADDED");
    plain.close();
  });
});

describe("a restored cluster", () => {
  test("is as it was, counts from there again, and its watches have ended", async () => {
    const kept = await make();
    const { revision } = lab.cluster.store;
    const lost = await make();
    const watching = await watchFromNow();
    expect(lab.cluster.store.restore(revision)).toBe(true);
    expect(await watching.rest()).toEqual([]);
    expect((await lab.ask("GET", `${widgetsPath}/${kept}`)).status).toBe(200);
    expect((await lab.ask("GET", `${widgetsPath}/${lost}`)).status).toBe(404);
    const again = await lab.ask("POST", widgetsPath, { body: widget("again") });
    expect(again.body.metadata.resourceVersion).toBe(String(revision + 1));
    expect(lab.cluster.store.restore(revision + 1000)).toBe(false);
  });
});
