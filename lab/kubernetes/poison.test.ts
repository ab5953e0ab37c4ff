import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manifestOf } from "./kinds/manifest.ts";
import { StoreJournal } from "./store/journal.ts";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { widgets } from "./try-widgets.ts";

/*
 * Objects that the server itself follows, and that are not what it needs: none of them is kept, as the next start would
 * stumble over it.
 */

const folder = mkdtempSync(path.join(tmpdir(), "kubernetes-poison-"));
let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ journal: new StoreJournal(folder) });
});
afterAll(async () => {
  await lab.end();
  rmSync(folder, { recursive: true, force: true });
});

const configMaps = "/api/v1/namespaces/default/configmaps";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const manifest = manifestOf(widgets);

const causesOf = (told: Awaited<ReturnType<TryCluster["ask"]>>) =>
  told.body.details.causes.map(({ field }) => field);

describe("owners", () => {
  test.each([[[null]], [[{ a: 1 }]]])("that are not whole are refused: %j", async (owners) => {
    const body = { metadata: { name: "owned", ownerReferences: owners } };
    const told = await lab.ask("POST", configMaps, { body });
    expect(told).toMatchObject({ status: 422, body: { reason: "Invalid" } });
    expect(causesOf(told)).toEqual(
      ["apiVersion", "kind", "name", "uid"].map((field) => `metadata.ownerReferences.${field}`),
    );
  });

  test.each([["someone"], [{}], [{ a: 1 }], [["someone"]], [[{ name: 1 }]]])(
    "that are none at all cannot be read: %j",
    async (owners) => {
      const body = { metadata: { name: "owned", ownerReferences: owners } };
      const told = await lab.ask("POST", configMaps, { body });
      expect(told.status).toBe(400);
      expect(told.body.message).toContain("ownerReferences");
    },
  );
});

describe("a definition", () => {
  const [version] = manifest.spec["versions"] as readonly object[];
  test.each([
    ["without anything in it", {}, "spec.versions"],
    ["of another name", { ...manifest.spec, group: "other.example.org" }, "metadata.name"],
    ["without versions", { ...manifest.spec, versions: [] }, "spec.versions"],
    [
      "with two versions that are stored",
      { ...manifest.spec, versions: [version, { ...version, name: "v2" }] },
      "spec.versions",
    ],
    [
      "with a version that says nothing of itself",
      { ...manifest.spec, versions: [{ storage: true }] },
      "spec.versions[0].name",
    ],
    ["of no scope", { ...manifest.spec, scope: "Sometimes" }, "spec.scope"],
  ])("%s is refused", async (_what, spec, field) => {
    const told = await lab.ask("POST", definitions, { body: { ...manifest, spec } });
    expect(told).toMatchObject({ status: 422, body: { reason: "Invalid" } });
    expect(causesOf(told)).toContain(field);
  });

  test("that is whole is served, and cannot be broken later", async () => {
    expect((await lab.ask("POST", definitions, { body: manifest })).status).toBe(201);
    const broken = await lab.ask("PATCH", `${definitions}/${manifest.metadata.name}`, {
      body: { spec: { versions: null } },
      type: "application/merge-patch+json",
    });
    expect(broken.status).toBe(422);
  });
});

test("what an earlier lab has kept does not keep the next one from starting", async () => {
  const { store } = lab.cluster;
  const metadata = { uid: "1", resourceVersion: "", creationTimestamp: "" };
  const owners = [null] as unknown as [];
  store.put({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...metadata, name: "owned", namespace: "default", ownerReferences: owners },
  });
  store.put({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { ...metadata, name: "empty.example.org" },
    spec: {},
  });
  await lab.end();
  lab = await tryCluster({ journal: new StoreJournal(folder) });
  for (const each of [`${configMaps}/owned`, `${definitions}/empty.example.org`])
    expect((await lab.ask("DELETE", each)).status).toBe(200);
});
