import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { Told, TryCluster } from "./try-cluster.ts";
import { makeWidget, stored } from "./try-store.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

/*
 * What only the server says of an object, whatever a client sends.
 */

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());

const past = "2001-01-01T00:00:00Z";

const put = (name: string, body: object): Promise<Told> =>
  lab.ask("PUT", `${widgetsPath}/${name}`, { body });

describe("a PUT", () => {
  test("that names another uid is 409", async () => {
    const { metadata } = await makeWidget(lab, "unique");
    const told = await put("unique", widget("unique", {}, { ...metadata, uid: "another" }));
    expect(told).toMatchObject({ status: 409, body: { reason: "Conflict" } });
  });

  test("keeps the time at which the object was made", async () => {
    const { metadata } = await makeWidget(lab, "old");
    const { creationTimestamp } = stored(lab, "old")?.metadata ?? {};
    await put("old", widget("old", { size: 2 }, { ...metadata, creationTimestamp: past }));
    expect(stored(lab, "old")).toMatchObject({
      metadata: { creationTimestamp },
      spec: { size: 2 },
    });
  });

  test("of a Secret turns stringData into data", async () => {
    const secrets = "/api/v1/namespaces/default/secrets";
    const body = { metadata: { name: "s" }, data: { kept: "YQ==" } };
    await lab.ask("POST", secrets, { body });
    const told = await lab.ask("PUT", `${secrets}/s`, {
      body: { ...body, stringData: { b: "c" } },
    });
    expect(told.body).toMatchObject({ data: { kept: "YQ==", b: "Yw==" } });
    expect(told.text).not.toContain("stringData");
  });
});

test("no client says when an object is deleted", async () => {
  const { metadata } = await makeWidget(lab, "alive", { deletionTimestamp: past });
  expect(stored(lab, "alive")?.metadata.deletionTimestamp).toBeUndefined();
  await put("alive", widget("alive", { size: 3 }, { ...metadata, deletionTimestamp: past }));
  // What a client could end so would be gone at once, as no finalizer holds it.
  expect(stored(lab, "alive")).toMatchObject({ spec: { size: 3 } });
  expect(stored(lab, "alive")?.metadata.deletionTimestamp).toBeUndefined();
});

test("a Scale of an old version is 409", async () => {
  await makeWidget(lab, "scaled");
  const path = `${widgetsPath}/scaled/scale`;
  const { body } = await lab.ask("GET", path);
  const wish = { ...body, spec: { replicas: 3 } };
  expect((await lab.ask("PUT", path, { body: wish })).status).toBe(200);
  expect(await lab.ask("PUT", path, { body: wish })).toMatchObject({ status: 409 });
});
