import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { makeWidget } from "./try-store.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

const elsewhere = widgetsPath.replace("/default/", "/elsewhere/");

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
  await lab.ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "elsewhere" } } });
  await makeWidget(lab, "front", { labels: { tier: "front" } });
  await makeWidget(lab, "back", { labels: { tier: "back" } });
  await makeWidget(lab, "plain");
});
afterAll(() => lab.end());

describe("a label selector", () => {
  const names = async (labelSelector: string): Promise<readonly string[]> => {
    const query = new URLSearchParams({ labelSelector }).toString();
    const told = await lab.ask("GET", `${widgetsPath}?${query}`);
    return told.body.items.map(({ metadata }) => metadata.name);
  };

  test("of notin takes what has another value, and what has none", async () => {
    expect(await names("tier notin (front, middle)")).toEqual(["back", "plain"]);
  });

  test("of != takes what has another value, and what has none", async () => {
    expect(await names("tier!=front")).toEqual(["back", "plain"]);
  });
});

describe("a namespace in the path", () => {
  test("keeps the objects of others out of lists and watches", async () => {
    const { revision } = lab.cluster.store;
    const watching = await lab.watch(`${widgetsPath}?watch=true&resourceVersion=${revision}`);
    await lab.ask("POST", elsewhere, { body: widget("stranger") });
    await makeWidget(lab, "own");
    const listed = await lab.ask("GET", widgetsPath);
    expect(listed.body.items.map(({ metadata }) => metadata.name)).not.toContain("stranger");
    expect((await watching.next())?.object.metadata.name).toBe("own");
    watching.close();
  });
});

test("a bookmark tells how far the server is, whatever kind was written last", async () => {
  const body = { metadata: { name: "other-kind" } };
  await lab.ask("POST", "/api/v1/namespaces/default/configmaps", { body });
  const { revision } = lab.cluster.store;
  const query = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
  const watching = await lab.watch(`${elsewhere}?watch=true&${query}`);
  let event = await watching.next();
  while (event !== undefined && event.type !== "BOOKMARK") event = await watching.next();
  expect(event?.object.metadata.resourceVersion).toBe(String(revision));
  watching.close();
});
