import { afterEach, beforeEach, expect, it } from "vitest";
import { type TryCluster, tryCluster } from "#lab/kubernetes/try-cluster.ts";
import { clusterApi } from "./cluster-api/operators.ts";
import { k0rdent } from "./k0rdent/operators.ts";
import { labCredential } from "./k0rdent/seed.ts";
import { seedObjects } from "./seed.ts";

const namespace = "lab";

/** Where objects of a kind are, as far as a plural is its singular and an `s`. */
function pathOf({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): string {
  const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const plural = kind === "ClusterClass" ? "clusterclasses" : `${kind.toLowerCase()}s`;
  return `${root}/namespaces/${namespace}/${plural}`;
}

function made<Head extends object>(head: Head, name: string, spec: object) {
  return { ...head, metadata: { name, namespace }, spec };
}

let lab: TryCluster;
const warnings: string[] = [];
const note = (warning: Error): void => void warnings.push(warning.message);

beforeEach(async () => {
  warnings.length = 0;
  process.on("warning", note);
  lab = await tryCluster({ behaviours: [...clusterApi, ...k0rdent], speed: 1000 });
  const head = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  await lab.ask("POST", "/api/v1/namespaces", { body: head });
  for (const object of seedObjects(namespace)) await post(object);
});

afterEach(async () => {
  process.off("warning", note);
  await lab.end();
});

async function post(object: { readonly apiVersion: string; readonly kind: string }): Promise<void> {
  const told = await lab.ask("POST", pathOf(object), { body: object });
  expect(told.text.slice(0, 300)).toContain(`"kind":"${object.kind}"`);
}

function condition(status: unknown, type: string): string | undefined {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.find((it) => it.type === type)?.status;
}

it("makes, refuses, upgrades and deletes clusters over HTTP, and no operator stumbles", async () => {
  const cluster = { apiVersion: "cluster.x-k8s.io/v1beta2", kind: "Cluster" };
  const deployment = { apiVersion: "k0rdent.mirantis.com/v1beta1", kind: "ClusterDeployment" };
  const [one, two] = [`${pathOf(cluster)}/c1`, `${pathOf(deployment)}/d1`];
  const machineDeployments = [{ name: "a", class: "worker", replicas: 2 }];
  const topology = {
    classRef: { name: "lab-virtual" },
    version: "v1.33.9",
    controlPlane: { replicas: 1 },
    workers: { machineDeployments },
  };
  const template = "lab-standalone-cp-1-0-0";
  const spec = { template, credential: labCredential, config: {} };
  await post(made(cluster, "c1", { topology }));
  await post(made(deployment, "d1", spec));

  const status = async (path: string): Promise<unknown> => (await lab.ask("GET", path)).body.status;
  await expect
    .poll(async () => condition(await status(one), "Available"), { timeout: 20_000 })
    .toBe("True");
  await expect
    .poll(async () => condition(await status(two), "Ready"), { timeout: 20_000 })
    .toBe("True");

  const patch = (version: string) =>
    lab.ask("PATCH", one, {
      type: "application/merge-patch+json",
      body: { spec: { topology: { version } } },
    });
  const refused = await patch("v1.32.13");
  expect(refused.status).toBe(422);
  expect(refused.body.details.causes).toMatchObject([{ field: "spec.topology.version" }]);
  expect((await patch("v1.34.5")).status).toBe(200);
  const versions = async (): Promise<unknown> =>
    ((await status(one)) as { workers: { versions: unknown } }).workers.versions;
  await expect.poll(versions, { timeout: 20_000 }).toEqual([{ version: "v1.34.5", replicas: 2 }]);

  for (const path of [one, two]) {
    await lab.ask("DELETE", path);
    await expect
      .poll(async () => (await lab.ask("GET", path)).status, { timeout: 20_000 })
      .toBe(404);
  }
  const left = await lab.ask("GET", "/apis/cluster.x-k8s.io/v1beta2/machines");
  expect(left.body.items).toEqual([]);
  expect(warnings).toEqual([]);
});
