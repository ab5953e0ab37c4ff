import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { KubernetesPlace } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { hostName } from "#contract/host-name.ts";
import type { ClusterRef, WantedCluster } from "#drivers/cluster-ports.ts";
import type { HostRef } from "#drivers/host-ports.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { createKubernetes, type Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import { type Kind, type Manifest, Meta } from "#drivers/kubernetes/object.ts";
import { createHostPool } from "#drivers/metal3/host-pool.ts";
import { createMetal3 } from "#drivers/metal3/metal3.ts";
import type { VmRef } from "#drivers/vm-ports.ts";
import { seedClusterClasses } from "#lab/kubernetes/behaviours/cluster-api/seed.ts";
import { type TryCluster, tryCluster } from "#lab/kubernetes/try-cluster.ts";
import { systemClock } from "#platform/clock.ts";
import { createIds } from "#platform/ids.ts";
import { officialKinds, outcome, run, until, writing } from "./kubernetes-world.ts";

/**
 * Our drivers on an API server that has the operators' definitions and no operators, so that nothing moves by itself: the lab's, or the one that
 * TEST_KUBECONFIG names (its current context, namespace `default`), on which the CRDs of Cluster API, k0rdent, KubeVirt and Metal3 must
 * be installed. Everything that is made there has a name of its own and is taken away again.
 */

const given = process.env["TEST_KUBECONFIG"];
const namespace = "default";
const suffix = randomBytes(4).toString("hex");
const ids = createIds(() => Date.now());

let lab: TryCluster | null = null;
let ours: Kubernetes;
let place: KubernetesPlace;
let client: KubernetesClient;
const planted: { readonly kind: Kind<z.infer<typeof AnyObject>>; readonly name: string }[] = [];

const AnyObject = z.object({ metadata: Meta });
const anyKind = (group: string, version: string, kind: string, plural: string) => ({
  group,
  versions: [version] as const,
  kind,
  plural,
  schema: AnyObject,
});
const templateKind = anyKind(
  "k0rdent.mirantis.com",
  "v1beta1",
  "ClusterTemplate",
  "clustertemplates",
);
const deploymentKind = anyKind(
  "k0rdent.mirantis.com",
  "v1beta1",
  "ClusterDeployment",
  "clusterdeployments",
);
const classKind = anyKind("cluster.x-k8s.io", "v1beta2", "ClusterClass", "clusterclasses");

beforeAll(async () => {
  lab = given === undefined ? await tryCluster({ crds: officialKinds() }) : null;
  ours = await createKubernetes({
    kubeconfig: lab === null ? { path: given ?? "" } : { text: lab.cluster.kubeconfig },
    clock: systemClock,
    log: () => undefined,
    random: Math.random,
    reveal: () => Promise.resolve(JSON.stringify({ username: "root", password: "sesame-4711" })),
  });
  place = ours.defaultPlace(namespace);
  client = ours.clients.at(place);
});

afterAll(async () => {
  for (const { kind, name } of planted) {
    const found = await client.read(kind, { namespace, name }, writing());
    if (found !== null)
      await client.delete(kind, { namespace, name, uid: found.metadata.uid }, writing());
  }
  ours.close();
  await lab?.end();
});

async function plant(kind: (typeof planted)[number]["kind"], manifest: Manifest): Promise<Meta> {
  const { metadata } = await client.create(kind, manifest, writing());
  planted.push({ kind, name: metadata.name });
  return metadata;
}

/** A real server answers the first list of a kind with 429 until it has read what there is; a step would be tried again. */
async function warm<T>(look: () => Promise<T>): Promise<T> {
  const answered = () =>
    look().catch((thrown: unknown) => {
      if (thrown instanceof Failure && thrown.code === "KUBERNETES_UNAVAILABLE") return thrown;
      throw thrown;
    });
  const found = await until(answered, (seen) => !(seen instanceof Failure));
  if (found instanceof Failure) throw found;
  return found;
}

const group = (replicas: number) => ({ replicas, hostLabels: null });

describe("clusters of Cluster API", () => {
  it("are created, scaled, upgraded and deleted, and never taken for ready", async () => {
    const name = `bare-${suffix}`;
    const [given_] = seedClusterClasses(namespace).filter(({ kind }) => kind === "ClusterClass");
    await plant(classKind, { ...given_, metadata: { name, namespace, labels: {} } } as Manifest);
    const port = ours.clusters["cluster-api"];
    const cluster: ClusterRef = { id: ids.cluster(), place, name };
    const offer = await port.offered(place, writing());
    const offered = (offer?.versions ?? []).filter((each) => each.class === name);
    const [first, second] = offered.map(({ version }) => version);
    const wanted: WantedCluster = {
      kubernetesVersion: first ?? "",
      class: name,
      template: null,
      credential: null,
      config: null,
      controlPlane: group(1),
      nodePools: [{ name: "blue", ...group(2) }],
    };
    await port.check(cluster, wanted, writing());
    expect(await port.read(cluster, writing())).toBeNull();
    expect(await port.create(cluster, wanted, writing())).toBe("asked");
    expect(await port.create(cluster, wanted, writing())).toBe("already");
    expect(await warm(() => port.read(cluster, writing()))).toMatchObject({
      observed: false,
      settled: false,
    });
    const scaled = { nodePool: "blue", nodeCount: 3 };
    expect(await port.scale(cluster, scaled, writing())).toBe("asked");
    expect(await port.scale(cluster, scaled, writing())).toBe("already");
    expect(await port.upgrade(cluster, second ?? "", writing())).toMatchObject({ asked: true });
    expect(await port.upgrade(cluster, second ?? "", writing())).toMatchObject({ asked: false });
    const stranger = { ...cluster, id: ids.cluster() };
    // What is another's is not there for us, and stays.
    expect(await port.delete(stranger, writing())).toBe("gone");
    expect(await port.read(cluster, writing())).not.toBeNull();
    expect(await port.kubeconfig(cluster, writing())).toBeNull();
    await port.delete(cluster, writing());
    await until(
      () => port.read(cluster, writing()),
      (state) => state === null,
    );
    expect(await port.delete(cluster, writing())).toBe("gone");
  });
});

describe("clusters of k0rdent", () => {
  it("are created with values of their template, scaled, upgraded and deleted", async () => {
    const port = ours.clusters.k0rdent;
    const names = [`bare-one-${suffix}`, `bare-two-${suffix}`] as const;
    for (const [index, name] of names.entries()) {
      const manifest = {
        apiVersion: "k0rdent.mirantis.com/v1beta1",
        kind: "ClusterTemplate",
        metadata: { name, namespace, labels: {} },
        spec: {
          helm: {
            chartRef: { kind: "HelmChart", name, namespace },
          },
        },
      };
      const { resourceVersion } = await plant(templateKind, manifest);
      const status = {
        valid: true,
        config: { controlPlaneNumber: 1, workersNumber: 1 },
        k8sVersion: `v1.${34 + index}.0`,
        observedGeneration: 1,
        providers: [],
      };
      await client.command(
        {
          group: "k0rdent.mirantis.com",
          version: "v1beta1",
          plural: "clustertemplates",
          namespace,
          name,
          command: "status",
        },
        { ...manifest, metadata: { ...manifest.metadata, resourceVersion }, status },
        writing(),
      );
    }
    const cluster: ClusterRef = { id: ids.cluster(), place, name: `bare-k-${suffix}` };
    const wanted: WantedCluster = {
      kubernetesVersion: "v1.34.0",
      class: null,
      template: names[0],
      credential: "bare",
      config: null,
      controlPlane: group(1),
      nodePools: [{ name: "workers", ...group(2) }],
    };
    expect(await port.create(cluster, wanted, writing())).toBe("asked");
    expect(await port.create(cluster, wanted, writing())).toBe("already");
    expect(await port.read(cluster, writing())).toMatchObject({ settled: false });
    const scaled = { nodePool: "workers", nodeCount: 4 };
    await port.checkScale(cluster, scaled, writing());
    expect(await port.scale(cluster, scaled, writing())).toBe("asked");
    expect(await port.scale(cluster, scaled, writing())).toBe("already");
    // Where to is for k0rdent to say.
    const upgrade = () => port.upgrade(cluster, "v1.35.0", writing());
    expect(await outcome(upgrade())).toContain("KUBERNETES_REJECTED");
    const found = await client.read(deploymentKind, { namespace, name: cluster.name }, writing());
    await client.command(
      {
        group: "k0rdent.mirantis.com",
        version: "v1beta1",
        plural: "clusterdeployments",
        namespace,
        name: cluster.name,
        command: "status",
      },
      {
        apiVersion: "k0rdent.mirantis.com/v1beta1",
        kind: "ClusterDeployment",
        metadata: { name: cluster.name, resourceVersion: found?.metadata.resourceVersion },
        status: { availableUpgrades: [names[1]], observedGeneration: 1 },
      },
      writing(),
    );
    expect(await upgrade()).toEqual({ asked: true, template: names[1] });
    expect(await upgrade()).toEqual({ asked: false, template: names[1] });
    expect(await port.kubeconfig(cluster, writing())).toBeNull();
    await port.delete(cluster, writing());
    await until(
      () => port.read(cluster, writing()),
      (state) => state === null,
    );
  });
});

describe("virtual machines", () => {
  it("are created, wished on and off, and deleted with what belongs to them", async () => {
    const vm: VmRef = { id: ids.vm(), place, name: `bare-vm-${suffix}` };
    const wanted = {
      cpus: 2,
      memory: "2Gi",
      disks: [{ name: "root", size: "10Gi", image: "docker://example/debian:13", boot: true }],
      networks: [],
      userData: ids.secret(),
      running: true,
    };
    await ours.vms.check(vm, wanted, writing());
    expect(await ours.vms.create(vm, wanted, writing())).toBe("asked");
    expect(await ours.vms.create(vm, wanted, writing())).toBe("already");
    expect(await ours.vms.read(vm, writing())).toMatchObject({ power: null, instance: null });
    const off = { running: false, force: false };
    expect(await ours.vms.setRunning(vm, off, writing())).toBe("asked");
    expect(await ours.vms.setRunning(vm, off, writing())).toBe("already");
    const how = { keepDisks: false };
    await until(
      () => ours.vms.delete(vm, how, writing()),
      (left) => left === "gone",
    );
    expect(await ours.vms.read(vm, writing())).toBeNull();
  });
});

describe("hosts", () => {
  it("are enrolled, marked, given an image and let go", async () => {
    const id = ids.server();
    const host: HostRef = { id, place, name: hostName(id) };
    const hosts = createMetal3({
      clients: ours.clients,
      reveal: () => Promise.resolve(JSON.stringify({ username: "root", password: "sesame-4711" })),
    });
    const pool = createHostPool(ours.clients);
    const wanted = {
      bmc: {
        address: "https://192.0.2.7",
        credentials: ids.secret(),
        tls: { mode: "insecure" },
      },
      systemPath: "/redfish/v1/Systems/1",
      vendor: null,
      bootMacAddress: null,
      bootMode: "UEFI",
      online: false,
      labels: {},
    } as const;
    expect(await hosts.enroll(host, wanted, writing())).toBe("asked");
    expect(await hosts.enroll(host, wanted, writing())).toBe("already");
    expect(await hosts.read(host, writing())).toMatchObject({ state: "", power: "unknown" });
    expect(await hosts.setPower(host, "on", writing())).toBe("asked");
    expect(await hosts.setPower(host, "on", writing())).toBe("already");
    await hosts.inspect(host, writing());
    expect(await hosts.read(host, writing())).toMatchObject({ inspectionPending: true });
    const image = {
      image: {
        url: "https://images.example/os.qcow2",
        format: "qcow2",
        checksum: "0".repeat(64),
        checksumType: "sha256",
      },
      config: { run, userData: true, networkData: false },
    } as const;
    await hosts.stageConfig(host, { userData: ids.secret(), networkData: null }, writing());
    expect(await hosts.setImage(host, image, writing())).toBe("asked");
    expect(await hosts.setImage(host, image, writing())).toBe("already");
    expect(await hosts.clearImage(host, null, writing())).toBe("asked");
    expect(await hosts.clearImage(host, null, writing())).toBe("already");
    await hosts.unstageConfig(host, writing());
    await hosts.unstageConfig(host, writing());
    expect(await hosts.readInventory(host, writing())).toBeNull();
    const cluster: ClusterRef = { id: ids.cluster(), place, name: "bare" };
    const drawn = [{ server: id, pool: ids.pool(), group: "blue", takenBy: run }];
    await pool.assign(cluster, drawn, writing());
    await pool.assign(cluster, drawn, writing());
    const other = { ...cluster, id: ids.cluster() };
    expect(await outcome(pool.assign(other, drawn, writing()))).toContain("CONFLICT");
    expect(await pool.idle(cluster, [id], writing())).toEqual([]);
    await pool.unassign(cluster, [id], writing());
    expect(await pool.idle(cluster, [id], writing())).toEqual([id]);
    await until(
      () => hosts.unenroll(host, writing()),
      (left) => left === "gone",
    );
    expect(await hosts.read(host, writing())).toBeNull();
  });
});
