import { afterAll, beforeAll, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { makeWidget } from "./try-store.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());

test("a dry run of an update answers as if, and stores nothing", async () => {
  const { metadata } = await makeWidget(lab, "updated");
  const { revision } = lab.cluster.store;
  const path = `${widgetsPath}/updated?dryRun=All&fieldManager=try`;
  const body = widget("updated", { size: 7 }, { resourceVersion: metadata.resourceVersion });
  const put = await lab.ask("PUT", path, { body });
  expect(put).toMatchObject({ status: 200, body: { spec: { size: 7 } } });
  for (const type of ["application/merge-patch+json", "application/apply-patch+yaml"]) {
    const patched = await lab.ask("PATCH", path, { body: widget("updated", { size: 8 }), type });
    expect(patched).toMatchObject({ status: 200, body: { spec: { size: 8 } } });
  }
  expect(lab.cluster.store.revision).toBe(revision);
});

test("a dry run of a deletion answers as if, and deletes nothing", async () => {
  await makeWidget(lab, "deleted");
  await makeWidget(lab, "held", { finalizers: ["try.example.org/hold"] });
  const { revision } = lab.cluster.store;
  for (const path of [`${widgetsPath}/deleted`, `${widgetsPath}/held`, widgetsPath]) {
    expect((await lab.ask("DELETE", `${path}?dryRun=All`)).status).toBe(200);
    expect((await lab.ask("DELETE", path, { body: { dryRun: ["All"] } })).status).toBe(200);
    expect(lab.cluster.store.revision).toBe(revision);
  }
});
