import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { metal3 } from "#lab/kubernetes/behaviours/metal3/metal3.ts";
import { manifestOf } from "#lab/kubernetes/kinds/manifest.ts";
import { tryCluster } from "#lab/kubernetes/try-cluster.ts";
import type { Told, TryCluster } from "#lab/kubernetes/try-cluster.ts";
import { widget, widgets, widgetsPath } from "#lab/kubernetes/try-widgets.ts";
import { Writer } from "#lab/kubernetes/writes/writer.ts";

/*
 * Cleaning up where something stands in the way. It is done after the request that caused it, where nobody is left to be told.
 */

let lab: TryCluster;
const warnings: string[] = [];
const note = (warning: Error): void => void warnings.push(warning.message);

beforeEach(async () => {
  warnings.length = 0;
  process.on("warning", note);
  lab = await tryCluster({
    crds: [widgets],
    behaviours: [metal3({ machines: { find: () => null } })],
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.off("warning", note);
  await lab.end();
});

const hold = "try.example.org/hold";
const configMaps = "/api/v1/namespaces/default/configmaps";
const definition = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${widgets.plural}.${widgets.group}`;

const merge = (path: string, body: object): Promise<Told> =>
  lab.ask("PATCH", path, { body, type: "application/merge-patch+json" });

const release = (path: string): Promise<Told> => merge(path, { metadata: { finalizers: null } });

const gone = (path: string): Promise<unknown> =>
  vi.waitFor(async () => expect((await lab.ask("GET", path)).status).toBe(404), 20_000);

/** How an object names its owner. */
function ownedBy(owner: Told): object {
  const { apiVersion, kind, metadata } = owner.body;
  const { name, uid } = metadata;
  return { ownerReferences: [{ apiVersion, kind, name, uid, blockOwnerDeletion: true }] };
}

describe("the end of an owner", () => {
  test("comes although it no longer fits the definition of its kind", async () => {
    const owner = await lab.ask("POST", widgetsPath, { body: widget("owner") });
    const owned = widget("owned", {}, { ...ownedBy(owner), finalizers: [hold] });
    expect((await lab.ask("POST", widgetsPath, { body: owned })).status).toBe(201);
    const { spec } = manifestOf(widgets);
    const strict = { type: "object", properties: { spec: { type: "object", required: ["size"] } } };
    const versions = (spec["versions"] as readonly object[]).map((version) => ({
      ...version,
      schema: { openAPIV3Schema: strict },
    }));
    expect((await merge(definition, { spec: { versions } })).status).toBe(200);
    await lab.ask("DELETE", `${widgetsPath}/owner?propagationPolicy=Foreground`);
    await vi.waitFor(async () => {
      const { body } = await lab.ask("GET", `${widgetsPath}/owned`);
      expect(body.metadata.deletionTimestamp).toBeDefined();
    });
    expect((await release(`${widgetsPath}/owned`)).status).toBe(200);
    await gone(`${widgetsPath}/owner`);
    expect(warnings).toEqual([]);
  });

  test("is tried again when it fails", async () => {
    await lab.ask("POST", configMaps, { body: { metadata: { name: "owner" } } });
    const update = vi.spyOn(Writer.prototype, "update").mockImplementationOnce(() => {
      throw new Error("not now");
    });
    const owner = await lab.ask("GET", `${configMaps}/owner`);
    const owned = { metadata: { name: "owned", ...ownedBy(owner) } };
    await lab.ask("POST", configMaps, { body: owned });
    await lab.ask("DELETE", `${configMaps}/owner?propagationPolicy=Foreground`);
    await gone(`${configMaps}/owner`);
    expect(update).toHaveBeenCalled();
    expect(warnings).toEqual([expect.stringContaining("not now")]);
  });

  test("passes over what is of a kind that was taken away by force", async () => {
    const owner = await lab.ask("POST", configMaps, {
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "owner" } },
    });
    const owned = widget("owned", {}, { ...ownedBy(owner), finalizers: [hold] });
    expect((await lab.ask("POST", widgetsPath, { body: owned })).status).toBe(201);
    await lab.ask("DELETE", definition);
    await release(definition);
    await gone(definition);
    await lab.ask("DELETE", `${configMaps}/owner?propagationPolicy=Foreground`);
    await gone(`${configMaps}/owner`);
    expect(warnings).toEqual([]);
  });
});

test("a namespace ends with the hosts in it", async () => {
  const namespace = "/api/v1/namespaces/metal";
  await lab.ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "metal" } } });
  const stringData = { username: "admin", password: "secret" };
  const secret = { metadata: { name: "bmc" }, stringData };
  await lab.ask("POST", `${namespace}/secrets`, { body: secret });
  const host = {
    apiVersion: "metal3.io/v1alpha1",
    kind: "BareMetalHost",
    metadata: { name: "host" },
    spec: {
      online: true,
      bootMACAddress: "02:00:00:00:00:01",
      bmc: {
        address: "redfish-virtualmedia://192.0.2.1/redfish/v1/Systems/1",
        credentialsName: "bmc",
      },
    },
  };
  const hosts = "/apis/metal3.io/v1alpha1/namespaces/metal/baremetalhosts";
  expect((await lab.ask("POST", hosts, { body: host })).status).toBe(201);
  await vi.waitFor(async () => {
    const { status } = (await lab.ask("GET", `${hosts}/host`)).body;
    expect(status).toMatchObject({ provisioning: { state: "available" } });
  }, 20_000);
  await lab.ask("DELETE", namespace);
  await gone(namespace);
  expect(warnings).toEqual([]);
});
