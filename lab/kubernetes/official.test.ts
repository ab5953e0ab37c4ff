import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCrdFolder } from "./schema/crd.ts";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";

const folder = "../shared/crds/metal3-baremetal-operator";

/*
 * The official definitions of Metal3 in the place of the catalogue's loose ones, and what the real server was measured to
 * say under them.
 */
describe.skipIf(!existsSync(folder))(
  "under official definitions (../shared/crds; skipped without)",
  () => {
    let lab: TryCluster;
    beforeAll(async () => {
      lab = await tryCluster({ crds: readCrdFolder(folder) });
    });
    afterAll(() => lab.end());
    const hosts = "/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts";
    const host = { apiVersion: "metal3.io/v1alpha1", kind: "BareMetalHost" };
    const merge = "application/merge-patch+json";

    test("an unknown field is refused when strict, and a wrong value always", async () => {
      const strict = await lab.ask("POST", `${hosts}?fieldValidation=Strict`, {
        body: { ...host, metadata: { name: "h" }, spec: { online: true, onlin: true } },
      });
      expect(strict.status).toBe(400);
      const wrong = await lab.ask("POST", hosts, {
        body: { ...host, metadata: { name: "h" }, spec: { online: "yes" } },
      });
      expect(wrong).toMatchObject({
        status: 422,
        body: { details: { causes: [{ field: "spec.online" }] } },
      });
    });

    test("a host gets its defaults, and its status must be whole", async () => {
      const made = await lab.ask("POST", hosts, {
        body: { ...host, metadata: { name: "host" }, spec: { online: true } },
      });
      expect(made.body.spec).toMatchObject({ automatedCleaningMode: "metadata" });
      const part = await lab.ask("PATCH", `${hosts}/host/status`, {
        body: { status: { operationalStatus: "OK" } },
        type: merge,
      });
      expect(part.status).toBe(422);
      const fields = part.body.details.causes.map(({ field }) => field);
      expect(fields).toContain("status.errorMessage");
      expect(fields).toContain("status.provisioning");
      const detach = await lab.ask("PATCH", `${hosts}/host/status`, {
        body: { status: { operationalStatus: "OK", errorType: "detach error" } },
        type: merge,
      });
      expect(detach.status).toBe(422);
    });
  },
);

const ofClusters = "../shared/crds/k0rdent-kcm";

describe.skipIf(!existsSync(ofClusters))("rules about a change (skipped without)", () => {
  let lab: TryCluster;
  beforeAll(async () => {
    lab = await tryCluster({ crds: readCrdFolder(ofClusters) });
  });
  afterAll(() => lab.end());

  test("hold: the spec of a template's chain cannot be changed, the rest of it can", async () => {
    const path = "/apis/k0rdent.mirantis.com/v1beta1/namespaces/default/clustertemplatechains";
    const chain = { apiVersion: "k0rdent.mirantis.com/v1beta1", kind: "ClusterTemplateChain" };
    const spec = { supportedTemplates: [{ name: "a" }] };
    await lab.ask("POST", path, { body: { ...chain, metadata: { name: "chain" }, spec } });
    const change = (body: object) =>
      lab.ask("PATCH", `${path}/chain`, { body, type: "application/merge-patch+json" });
    const refused = await change({ spec: { supportedTemplates: [{ name: "b" }] } });
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain("Spec is immutable");
    expect((await change({ metadata: { labels: { a: "b" } }, spec })).status).toBe(200);
  });
});
