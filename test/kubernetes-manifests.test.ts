import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterRef, WantedCluster } from "#drivers/cluster-ports.ts";
import { createKubernetes, type Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import {
  type Asked,
  type Answer,
  type ScriptedServer,
  startScriptedServer,
  status,
} from "#drivers/kubernetes/testing/scripted-server.ts";
import { testOptions } from "#drivers/kubernetes/testing/test-client.ts";
import type { VmRef, WantedVm } from "#drivers/vm-ports.ts";
import { jsonPatch } from "#lab/kubernetes/apply/json-patch.ts";
import type { JsonObject } from "#lab/kubernetes/schema/json.ts";
import { prune } from "#lab/kubernetes/schema/prune.ts";
import { validate } from "#lab/kubernetes/schema/validate.ts";
import { officialKinds, writing } from "./kubernetes-world.ts";

/** Every object that the drivers write, and what their patches make of it, is valid under the operators' own definitions. */

const kinds = officialKinds();

/** What an API server would say of the object: unknown fields (as with `fieldValidation=Strict`) and invalid ones. */
const wrongWith = (object: JsonObject): readonly string[] => {
  const found = kinds.find(
    ({ group, kind, versions }) =>
      kind === object["kind"] &&
      versions.some(({ name }) => `${group}/${name}` === object["apiVersion"]),
  );
  const version = found?.versions.find(
    ({ name }) => object["apiVersion"] === `${found.group}/${name}`,
  );
  if (version === undefined) return [`nobody defines ${String(object["apiVersion"])}`];
  const pruned = prune(version.schema, object);
  return [
    ...pruned.unknown,
    ...validate(version.schema, pruned.object).map(({ field, message }) => `${field}: ${message}`),
  ];
};

let served = "v1beta2";
const written: JsonObject[] = [];
const stored = new Map<string, JsonObject>();
let server: ScriptedServer;
let ours: Kubernetes;

const head = (name: string) => ({ name, namespace: "demo", uid: "u-1", resourceVersion: "1" });
const open = { openAPIV3Schema: { type: "object", additionalProperties: { type: "string" } } };
const asMetal3 = {
  openAPIV3Schema: { type: "object", properties: { matchLabels: { type: "object" } } },
};
const classOf = (name: string, schema: object) => ({
  metadata: head(name),
  spec: {
    variables: [
      { name: "hostSelector", required: false, schema },
      { name: "image", required: false, schema: { openAPIV3Schema: { type: "object" } } },
    ],
    workers: { machineDeployments: [{ class: "worker" }] },
  },
});
const template = {
  metadata: head("standalone-1-0-0"),
  status: {
    valid: true,
    k8sVersion: "1.34.5",
    config: {
      controlPlaneNumber: 1,
      workersNumber: 1,
      controlPlane: { size: "s", hostSelector: { matchLabels: {} } },
      worker: { hostSelector: {} },
    },
  },
};
const newer = {
  ...template,
  metadata: head("standalone-1-1-0"),
  status: { ...template.status, k8sVersion: "v1.35.2" },
};

const there: Readonly<Record<string, unknown>> = {
  plain: classOf("plain", open),
  metal3: classOf("metal3", asMetal3),
  "standalone-1-0-0": template,
  lab: { metadata: head("lab"), status: { ready: true } },
};

const answer = ({ method, path, query, body }: Asked): Answer => {
  const name = path.split("/").at(-1) ?? "";
  if (path === "/apis/cluster.x-k8s.io") return { body: { versions: [{ version: served }] } };
  if (method === "POST") {
    const made = body as JsonObject;
    const metadata = made["metadata"] as { readonly name: string };
    written.push(made);
    const object = { ...made, metadata: { ...metadata, ...head(metadata.name) } };
    if (query["dryRun"] === undefined) stored.set(`${path}/${metadata.name}`, object);
    return { status: 201, body: object };
  }
  const object = stored.get(path);
  if (method === "PATCH" && object !== undefined) {
    const changed = jsonPatch(object, body as readonly unknown[]) as JsonObject;
    written.push(changed);
    stored.set(path, changed);
    return { body: changed };
  }
  if (name === "clustertemplates") return { body: { items: [template, newer] } };
  const found = object ?? there[name];
  return found === undefined ? status(404, "NotFound") : { body: found };
};

beforeAll(async () => {
  server = await startScriptedServer(answer);
  ours = await createKubernetes(testOptions({ text: server.kubeconfig }));
});
afterAll(async () => {
  ours.close();
  await server.close();
});

/** What the drivers write during the work. */
const writtenBy = async (work: () => Promise<unknown>): Promise<readonly JsonObject[]> => {
  written.length = 0;
  stored.clear();
  await work();
  return [...written];
};

const cluster: ClusterRef = {
  id: "cls_01KAP5ZV9QJ5T1W7R9D0C3M8XJ",
  place: { managementCluster: "first", namespace: "demo" },
  name: "prod",
};
const hostLabels = { "millwright.dev/cluster": cluster.id, "millwright.dev/group": "blue" };
const wanted: WantedCluster = {
  kubernetesVersion: "v1.34.5",
  class: "plain",
  template: null,
  credential: null,
  config: {
    image: { url: "http://127.0.0.1/node.qcow2" },
    clusterNetwork: { pods: { cidrBlocks: ["10.1.0.0/16"] }, serviceDomain: "cluster.local" },
    // For the group that names no pool.
    hostSelector: { rack: "r7" },
  },
  controlPlane: { replicas: 3, hostLabels },
  nodePools: [
    { name: "blue", replicas: 2, hostLabels },
    { name: "green", replicas: 0, hostLabels: null },
  ],
};

describe.skipIf(kinds.length === 0)("what is written (../shared/crds; skipped without)", () => {
  it.each(["v1beta2", "v1beta1"])("is a valid Cluster of %s", async (version) => {
    served = version;
    const port = (await createKubernetes(testOptions({ text: server.kubeconfig }))).clusters[
      "cluster-api"
    ];
    for (const name of ["plain", "metal3"]) {
      const objects = await writtenBy(async () => {
        const labels = { rack: "r7" };
        const hostSelector = name === "metal3" ? { matchLabels: labels } : labels;
        const wish = { ...wanted, class: name, config: { ...wanted.config, hostSelector } };
        await port.check(cluster, wish, writing());
        await port.create(cluster, wish, writing());
        await port.scale(cluster, { nodePool: "green", nodeCount: 4 }, writing());
        await port.upgrade(cluster, "v1.35.2", writing());
      });
      expect(objects).toHaveLength(4);
      for (const object of objects) {
        expect(object["apiVersion"]).toBe(`cluster.x-k8s.io/${version}`);
        expect(wrongWith(object)).toEqual([]);
      }
      const text = JSON.stringify(objects.at(-1));
      expect(text).toContain('"name":"green","class":"worker","replicas":4');
      expect(text).toContain('"version":"v1.35.2"');
      expect(text.includes('"value":{"matchLabels"')).toBe(name === "metal3");
      expect(text).toContain('"cidrBlocks":["10.1.0.0/16"]');
    }
  });

  it("is a valid ClusterDeployment, with all values of its template", async () => {
    const port = ours.clusters.k0rdent;
    const wish: WantedCluster = {
      ...wanted,
      class: null,
      template: "standalone-1-0-0",
      credential: "lab",
      config: { controlPlane: { size: "m" }, clusterLabels: { team: "red" } },
      nodePools: wanted.nodePools.slice(0, 1),
    };
    const objects = await writtenBy(async () => {
      await port.check(cluster, wish, writing());
      await port.create(cluster, wish, writing());
      await port.scale(cluster, { nodePool: "blue", nodeCount: 5 }, writing());
    });
    expect(objects).toHaveLength(3);
    for (const object of objects) expect(wrongWith(object)).toEqual([]);
    expect(objects.at(-1)?.["spec"]).toEqual({
      template: "standalone-1-0-0",
      credential: "lab",
      dryRun: false,
      config: {
        controlPlaneNumber: 3,
        workersNumber: 5,
        clusterLabels: { team: "red" },
        controlPlane: { size: "m", hostSelector: { matchLabels: hostLabels } },
        worker: { hostSelector: hostLabels },
      },
    });
  });

  it("is a valid VirtualMachine, and its disks valid DataVolumes", async () => {
    const vm: VmRef = { ...cluster, id: "vm_01KAP5ZV9QJ5T1W7R9D0C3M8XJ", name: "web" };
    const disks: WantedVm["disks"] = [
      { name: "data", size: "1Gi", image: null, boot: false },
      { name: "root", size: "20Gi", image: "https://127.0.0.1/debian.qcow2", boot: true },
      { name: "tools", size: "1Gi", image: "docker://127.0.0.1/tools:1", boot: false },
    ];
    const userData = "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
    for (const networks of [[], ["lan", "other/san"]]) {
      const wish: WantedVm = { cpus: 2, memory: "4Gi", disks, networks, userData, running: false };
      const objects = await writtenBy(async () => {
        await ours.vms.check(vm, wish, writing());
        await ours.vms.create(vm, wish, writing());
        await ours.vms.setRunning(vm, { running: true, force: false }, writing());
      });
      const machines = objects.filter(({ kind }) => kind === "VirtualMachine");
      expect([objects.length, machines.length]).toEqual([4, 3]);
      for (const machine of machines) {
        expect(wrongWith(machine)).toEqual([]);
        const spec = machine["spec"] as { readonly dataVolumeTemplates: readonly JsonObject[] };
        for (const made of spec.dataVolumeTemplates) {
          const volume = { apiVersion: "cdi.kubevirt.io/v1beta1", kind: "DataVolume", ...made };
          expect(wrongWith(volume)).toEqual([]);
        }
      }
      const [secret] = objects.filter(({ kind }) => kind === "Secret");
      expect(secret).toMatchObject({ type: "Opaque", data: { userdata: expect.any(String) } });
    }
  });

  it("is asked about and would be found: a field that nobody has, and one of another type", async () => {
    served = "v1beta2";
    const [made] = await writtenBy(() =>
      ours.clusters["cluster-api"].create(cluster, wanted, writing()),
    );
    const bad = { ...made, spec: { ...(made?.["spec"] as object), colour: "blue", paused: "no" } };
    expect(wrongWith(bad).join("\n")).toMatch(/colour[^]*paused/);
  });
});

it.each(["v1beta2", "v1beta1"])(
  "labels everything with its run and its resource (%s)",
  async (version) => {
    served = version;
    const port = (await createKubernetes(testOptions({ text: server.kubeconfig }))).clusters[
      "cluster-api"
    ];
    const [made] = await writtenBy(() => port.create(cluster, wanted, writing()));
    const labels = {
      "millwright.dev/run": "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH",
      "millwright.dev/resource": cluster.id,
    };
    expect(made).toMatchObject({ metadata: { labels } });
  },
);
