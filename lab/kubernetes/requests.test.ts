import { afterAll, beforeAll, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());

const countOf = (verb: string, resource: string): number =>
  lab.cluster.requests.list().find((each) => each.verb === verb && each.resource === resource)
    ?.count ?? 0;

test("requests are counted by verb and resource, refused ones too, the most frequent first", async () => {
  const resource = `${widgets.plural}.${widgets.group}`;
  await lab.ask("POST", widgetsPath, { body: widget("one") });
  await lab.ask("GET", widgetsPath);
  for (const name of ["one", "one", "none"]) await lab.ask("GET", `${widgetsPath}/${name}`);
  await lab.ask("GET", "/apis");
  const watching = await lab.watch(`${widgetsPath}?watch=true`);
  watching.close();
  expect(["create", "list", "get", "watch"].map((verb) => countOf(verb, resource))).toEqual([
    1, 1, 3, 1,
  ]);
  expect(countOf("get", "")).toBe(1);
  expect(lab.cluster.requests.list()[0]).toEqual({ verb: "get", resource, count: 3 });
});

test("a list by one label is in the order of lists, and of nothing else", async () => {
  const labelled = (name: string, tier: string) => widget(name, {}, { labels: { tier } });
  for (const name of ["c", "a", "b"])
    await lab.ask("POST", widgetsPath, { body: labelled(name, "front") });
  await lab.ask("POST", widgetsPath, { body: labelled("d", "back") });
  const first = await lab.ask("GET", `${widgetsPath}?labelSelector=tier%3Dfront&limit=2`);
  expect(first.body.items.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
  const rest = await lab.ask(
    "GET",
    `${widgetsPath}?labelSelector=tier%3Dfront&limit=2&continue=${first.body.metadata.continue}`,
  );
  expect(rest.body.items.map(({ metadata }) => metadata.name)).toEqual(["c"]);
});
