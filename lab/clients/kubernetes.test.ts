import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import {
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  CoreV1Api,
  CustomObjectsApi,
  Watch,
} from "@kubernetes/client-node";
import type { KubernetesObject } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryCluster } from "#lab/kubernetes/try-cluster.ts";
import type { TryCluster } from "#lab/kubernetes/try-cluster.ts";

/*
 * Clients that other people wrote use the lab's cluster as they would a real one.
 */

let lab: TryCluster;
const folder = mkdtempSync(path.join(tmpdir(), "kubernetes-clients-"));

beforeAll(async () => {
  lab = await tryCluster();
});
afterAll(async () => {
  await lab.end();
  rmSync(folder, { recursive: true, force: true });
});

interface Host extends KubernetesObject {
  spec?: { online: boolean };
}

const host = (name: string, isOnline: boolean): Host => ({
  apiVersion: "metal3.io/v1alpha1",
  kind: "BareMetalHost",
  metadata: { name, namespace: "default" },
  spec: { online: isOnline },
});

describe("@kubernetes/client-node", () => {
  const configured = (): KubeConfig => {
    const config = new KubeConfig();
    config.loadFromString(lab.cluster.kubeconfig);
    return config;
  };

  test("creates, lists, applies, patches and deletes", async () => {
    const objects = KubernetesObjectApi.makeApiClient(configured());
    const made = await objects.create(host("node-1", false));
    expect(made.metadata?.uid).toBeDefined();
    const applied = await objects.patch(
      host("node-1", true),
      undefined,
      undefined,
      "millwright",
      true,
      PatchStrategy.ServerSideApply,
    );
    expect(applied.spec?.online).toBe(true);
    const custom = configured().makeApiClient(CustomObjectsApi);
    const place = {
      group: "metal3.io",
      version: "v1alpha1",
      namespace: "default",
      plural: "baremetalhosts",
    };
    const tested = await custom.patchNamespacedCustomObject({
      ...place,
      name: "node-1",
      body: [
        { op: "test", path: "/spec/online", value: true },
        { op: "replace", path: "/spec/online", value: false },
      ],
    });
    expect(tested).toMatchObject({ spec: { online: false } });
    const listed = await custom.listNamespacedCustomObject(place);
    expect(listed).toMatchObject({ items: [{ metadata: { name: "node-1" } }] });
    await objects.delete(host("node-1", true));
    await expect(objects.read(made as { metadata: { name: string } })).rejects.toMatchObject({
      code: 404,
    });
  });

  test("reads built-in kinds, and watches", async () => {
    const config = configured();
    const core = config.makeApiClient(CoreV1Api);
    const { items, metadata } = await core.listNamespace();
    expect(items.map((each) => each.metadata?.name)).toContain("kube-system");
    const seen = new Promise<string>((resolve, reject) => {
      void new Watch(config)
        .watch(
          "/api/v1/namespaces/default/secrets",
          { resourceVersion: metadata?.resourceVersion },
          (phase: string, object: KubernetesObject) => resolve(`${phase} ${object.metadata?.name}`),
          reject,
        )
        .catch(reject);
    });
    await core.createNamespacedSecret({
      namespace: "default",
      body: { metadata: { name: "bmc" }, stringData: { username: "root" } },
    });
    expect(await seen).toBe("ADDED bmc");
    const secret = await core.readNamespacedSecret({ name: "bmc", namespace: "default" });
    expect(secret.data).toEqual({ username: "cm9vdA==" });
  });
});

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

describe.skipIf(!hasKubectl)("kubectl (skipped when it is not installed)", () => {
  const config = path.join(folder, "kubeconfig");
  const manifest = path.join(folder, "host.yaml");
  const run = promisify(execFile);
  const args = ["--kubeconfig", config, "--cache-dir", path.join(folder, "cache")];
  const kubectl = async (...words: readonly string[]): Promise<string> =>
    (await run("kubectl", [...args, ...words])).stdout;

  beforeAll(() => {
    writeFileSync(config, lab.cluster.kubeconfig);
    writeFileSync(manifest, JSON.stringify(host("h1", true)));
  });

  test("applies, gets, describes, patches, waits and deletes", async () => {
    expect(await kubectl("apply", "-f", manifest)).toContain("created");
    expect(await kubectl("apply", "-f", manifest)).toContain("unchanged");
    expect(await kubectl("apply", "--server-side", "-f", manifest)).toContain("applied");
    const table = await kubectl("get", "bmh");
    expect(table).toMatch(/^NAME +STATE +CONSUMER +ONLINE +ERROR +AGE\nh1 +true +\d+m?s\n$/);
    expect(await kubectl("get", "bmh", "-A", "-o", "name")).toContain("baremetalhost.metal3.io/h1");
    expect(await kubectl("describe", "bmh", "h1")).toMatch(/Online: +true/);
    await kubectl("patch", "bmh", "h1", "--type=merge", "-p", '{"spec":{"online":false}}');
    const condition = "--for=jsonpath={.spec.online}=false";
    expect(await kubectl("wait", condition, "bmh/h1", "--timeout=20s")).toContain("condition met");
    await kubectl("label", "bmh", "h1", "rack=r1");
    expect(await kubectl("get", "bmh", "-l", "rack=r1", "-o", "name")).toContain("h1");
    expect(await kubectl("delete", "bmh", "h1")).toContain("deleted");
    await expect(kubectl("get", "bmh", "h1")).rejects.toThrow(/NotFound/);
  });

  test("waits by a list and a watch where the storage is too old for a watch list", async () => {
    await kubectl("apply", "-f", manifest);
    lab.cluster.faults.add({ watch: "old-etcd", times: 1 });
    const waiting = ["wait", "--for=jsonpath={.spec.online}=true", "bmh/h1", "--timeout=20s"];
    const env = { ...process.env, KUBE_FEATURE_WatchListClient: "true" };
    const { stdout } = await run("kubectl", [...args, ...waiting], { env });
    expect(stdout).toContain("condition met");
    expect(lab.cluster.faults.list()).toEqual([]);
    await kubectl("delete", "bmh", "h1");
  });

  test("shows changes as they happen", async () => {
    await kubectl("apply", "-f", manifest);
    const watching = spawn("kubectl", [...args, "get", "bmh", "-w"]);
    let shown = "";
    const sees = (text: RegExp): Promise<void> =>
      new Promise((resolve) => {
        watching.stdout.on("data", () => text.test(shown) && resolve());
      });
    watching.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    await sees(/h1 +true/);
    const changed = sees(/h1 +false/);
    await kubectl("patch", "bmh", "h1", "--type=merge", "-p", '{"spec":{"online":false}}');
    await changed;
    watching.kill();
    await kubectl("delete", "bmh", "h1");
    expect(shown.match(/NAME/g)).toHaveLength(1);
  });

  test("makes namespaces, secrets and config maps, and scales", async () => {
    await kubectl("create", "namespace", "shop");
    await kubectl(
      "-n",
      "shop",
      "create",
      "secret",
      "generic",
      "bmc",
      "--from-literal=username=root",
    );
    await kubectl("-n", "shop", "create", "configmap", "motd", "--from-literal=text=hello");
    const secret = await kubectl("-n", "shop", "get", "secret", "bmc", "-o", "json");
    expect(JSON.parse(secret)).toMatchObject({ data: { username: "cm9vdA==" }, type: "Opaque" });
    const text = await kubectl("-n", "shop", "get", "cm", "motd", "-o", "jsonpath={.data.text}");
    expect(text).toBe("hello");
    const deployment = {
      apiVersion: "cluster.x-k8s.io/v1beta2",
      kind: "MachineDeployment",
      metadata: { name: "md", namespace: "shop" },
      spec: { clusterName: "c", replicas: 1 },
    };
    writeFileSync(manifest, JSON.stringify(deployment));
    await kubectl("apply", "-f", manifest);
    await kubectl("-n", "shop", "scale", "machinedeployment", "md", "--replicas=3");
    expect(await kubectl("-n", "shop", "get", "md", "md")).toMatch(/\nmd +c +3 /);
    expect(await kubectl("delete", "namespace", "shop")).toContain("deleted");
    expect(await kubectl("get", "namespaces", "-o", "name")).not.toContain("shop");
  });

  test("keeps roles, and says what one may do", async () => {
    const role = path.resolve("docs/millwright-role.yaml");
    expect(await kubectl("apply", "-f", role)).toContain(
      "role.rbac.authorization.k8s.io/millwright created",
    );
    expect(await kubectl("apply", "-f", role)).toContain("unchanged");
    expect(await kubectl("get", "roles")).toMatch(/^NAME +CREATED AT\nmillwright +20/);
    expect(await kubectl("auth", "can-i", "create", "clusters.cluster.x-k8s.io")).toBe("yes\n");
    const reader = ["--context", "lab-reader", "auth", "can-i"];
    expect(await kubectl(...reader, "list", "clusters.cluster.x-k8s.io")).toBe("yes\n");
    for (const asked of [
      ["create", "clusters.cluster.x-k8s.io"],
      ["get", "secrets"],
      ["get", "*"],
    ])
      await expect(kubectl(...reader, ...asked)).rejects.toThrow();
    expect(await kubectl("auth", "can-i", "--list")).toMatch(/^\*\.\* +\[\] +\[\] +\[\*\]$/m);
    const listed = await kubectl(...reader, "--list");
    expect(listed).toMatch(/^configmaps +\[\] +\[\] +\[get list watch\]$/m);
    expect(listed).toMatch(/^\*\.metal3\.io +\[\] +\[\] +\[get list watch\]$/m);
    expect(listed).not.toContain("secrets");
  });

  test("prints events and claims with their own columns, and warns of no skew", async () => {
    const metadata = { name: "h1.1", namespace: "default" };
    const about = { kind: "BareMetalHost", name: "h1", namespace: "default" };
    const lastTimestamp = new Date().toISOString().replace(/\.\d+/, "");
    const said = { type: "Normal", reason: "Registered", message: "it is there", lastTimestamp };
    const event = { apiVersion: "v1", kind: "Event", metadata, involvedObject: about, ...said };
    await lab.ask("POST", "/api/v1/namespaces/default/events", { body: event });
    expect(await kubectl("get", "events")).toMatch(
      /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\d+s +Normal +Registered +baremetalhost\/h1 +it is there\n$/,
    );
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "root", namespace: "default" },
      spec: { accessModes: ["ReadWriteOnce"], storageClassName: "fast", volumeName: "pv1" },
    };
    const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    await lab.ask("POST", claims, { body: claim });
    const capacity = { storage: "10Gi" };
    const status = { phase: "Bound", accessModes: ["ReadWriteOnce", "ReadOnlyMany"], capacity };
    const body = { ...claim, status };
    await lab.ask("PATCH", `${claims}/root/status`, { body, type: "application/merge-patch+json" });
    expect(await kubectl("get", "pvc")).toMatch(
      /^NAME +STATUS +VOLUME +CAPACITY +ACCESS MODES +STORAGECLASS +AGE\nroot +Bound +pv1 +10Gi +RWO,ROX +fast +\d+s\n$/,
    );
    const { stderr } = await run("kubectl", [...args, "version"]);
    expect(stderr).not.toContain("exceeds the supported minor version skew");
  });
});
