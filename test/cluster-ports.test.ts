import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ClusterDriver } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type {
  ClusterPort,
  ClusterRef,
  ClusterState,
  WantedCluster,
} from "#drivers/cluster-ports.ts";
import { labCredential } from "#lab/kubernetes/behaviours/k0rdent/seed.ts";
import {
  type KubernetesWorld,
  namespace,
  outcome,
  startWorld,
  until,
  writing,
} from "./kubernetes-world.ts";

/** What the port of clusters promises, held against both drivers on the lab's API server and its operators. */

let world: KubernetesWorld;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.end());
afterEach(() => world.lab.cluster.faults.clear());

interface Driver {
  readonly name: ClusterDriver;
  readonly nodePool: string;
  readonly wanted: WantedCluster;
  readonly next: string;
  readonly path: string;
  /** The part of its object that another manager applies to set the number of workers; null: to let go of it. */
  readonly sized: (replicas: number | null) => object;
  /** The part that another manager applies to set the version that it has. */
  readonly versioned: object;
  /** What a person's own object of that name is. */
  readonly stranger: (name: string) => Parameters<KubernetesWorld["plant"]>[0];
}

const group = (replicas: number) => ({ replicas, hostLabels: null });

const capi: Driver = {
  name: "cluster-api",
  nodePool: "blue",
  wanted: {
    kubernetesVersion: "v1.33.9",
    class: "lab-virtual",
    template: null,
    credential: null,
    config: null,
    controlPlane: group(1),
    nodePools: [{ name: "blue", ...group(2) }],
  },
  next: "v1.34.5",
  path: `/apis/cluster.x-k8s.io/v1beta2/namespaces/${namespace}/clusters`,
  sized: (replicas) =>
    replicas === null
      ? {}
      : { topology: { workers: { machineDeployments: [{ name: "blue", replicas }] } } },
  versioned: { topology: { version: "v1.33.9" } },
  stranger: (name) => ({
    apiVersion: "cluster.x-k8s.io/v1beta2",
    kind: "Cluster",
    metadata: { name, namespace },
    spec: { paused: true },
  }),
};

const k0rdent: Driver = {
  name: "k0rdent",
  nodePool: "workers",
  wanted: {
    ...capi.wanted,
    class: null,
    template: "lab-standalone-cp-1-0-0",
    credential: labCredential,
    nodePools: [{ name: "workers", ...group(2) }],
  },
  next: "v1.34.5",
  path: `/apis/k0rdent.mirantis.com/v1beta1/namespaces/${namespace}/clusterdeployments`,
  sized: (workersNumber) => (workersNumber === null ? {} : { config: { workersNumber } }),
  versioned: { template: "lab-standalone-cp-1-0-0" },
  stranger: (name) => ({
    apiVersion: "k0rdent.mirantis.com/v1beta1",
    kind: "ClusterDeployment",
    metadata: { name, namespace },
    spec: { template: "lab-standalone-cp-1-0-0", dryRun: true, config: {} },
  }),
};

const ids = {
  "cluster-api": "cls_01KAP5ZV9QJ5T1W7R9D0C3M8XJ",
  k0rdent: "cls_01KAP5ZV9QJ5T1W7R9D0C3M8XK",
};

describe.each([capi, k0rdent])("$name", (driver) => {
  const port = (): ClusterPort => world.ours.clusters[driver.name];
  const refTo = (name: string): ClusterRef => ({
    id: ids[driver.name],
    place: world.ours.defaultPlace(namespace),
    name: `${driver.name === "k0rdent" ? "k" : "c"}-${name}`,
  });
  const read = (ref: ClusterRef): Promise<ClusterState | null> => port().read(ref, writing());
  const settled = async (ref: ClusterRef): Promise<ClusterState> => {
    const state = await until(
      () => read(ref),
      (seen) => seen?.settled === true,
    );
    if (state === null) throw new Error("it is gone");
    return state;
  };
  const created = async (name: string, wanted = driver.wanted): Promise<ClusterRef> => {
    const ref = refTo(name);
    await port().create(ref, wanted, writing());
    return ref;
  };
  const gone = (ref: ClusterRef): Promise<unknown> =>
    until(
      () => port().delete(ref, writing()),
      (answer) => answer === "gone",
    );

  it("builds, grows, upgrades and removes a cluster, and does nothing twice", async () => {
    const ref = refTo("life");
    expect(await read(ref)).toBeNull();
    expect(await port().kubeconfig(ref, writing())).toBeNull();
    await port().check(ref, driver.wanted, writing());
    expect(await read(ref)).toBeNull();
    expect(await port().create(ref, driver.wanted, writing())).toBe("asked");
    expect(await port().create(ref, driver.wanted, writing())).toBe("already");
    await port().check(ref, driver.wanted, writing());
    const first = await settled(ref);
    expect(first).toMatchObject({
      kubernetesVersion: driver.wanted.kubernetesVersion,
      observed: true,
      deleting: false,
      infrastructureReady: true,
      controlPlaneInitialized: true,
      controlPlaneAvailable: true,
      workersAvailable: true,
      changing: false,
      controlPlane: { desired: 1, replicas: 1, available: 1, upToDate: 1 },
      nodePools: [{ name: driver.nodePool, desired: 2, replicas: 2, available: 2, upToDate: 2 }],
      problems: [],
    });
    expect(first.controlPlane.versions).toEqual([{ version: "v1.33.9", count: 1 }]);
    expect(first.nodePools[0]?.versions).toEqual([{ version: "v1.33.9", count: 2 }]);
    expect(first.endpoint).toMatch(/:\d+$/);
    expect(await port().kubeconfig(ref, writing())).toContain("clusters:");

    const change = { nodePool: driver.nodePool, nodeCount: 3 };
    expect(await port().scale(ref, change, writing())).toBe("asked");
    expect(await port().scale(ref, change, writing())).toBe("already");
    const asked = await read(ref);
    expect([asked?.settled, asked?.nodePools[0]?.desired]).toEqual([false, 3]);
    expect((await settled(ref)).nodePools[0]).toMatchObject({ desired: 3, available: 3 });

    const answer = await port().upgrade(ref, driver.next, writing());
    const template = driver.name === "k0rdent" ? "lab-standalone-cp-1-1-0" : null;
    expect(answer).toEqual({ asked: true, template });
    expect(await port().upgrade(ref, driver.next, writing())).toEqual({ asked: false, template });
    expect(await read(ref)).toMatchObject({ settled: false, kubernetesVersion: driver.next });
    const upgraded = await settled(ref);
    expect(upgraded.controlPlane.versions).toEqual([{ version: driver.next, count: 1 }]);
    expect(upgraded.nodePools[0]?.versions).toEqual([{ version: driver.next, count: 3 }]);
    expect(upgraded.uid).toBe(first.uid);

    expect(await port().delete(ref, writing())).toBe("asked");
    expect(await port().delete(ref, writing())).toBe("asked");
    const leaving = await read(ref);
    expect([leaving?.deleting, leaving?.settled]).toEqual([true, false]);
    await gone(ref);
    expect(await read(ref)).toBeNull();
    expect(await port().delete(ref, writing())).toBe("gone");
    expect(await outcome(port().scale(ref, change, writing()))).toBe("NOT_FOUND");
    expect(await outcome(port().upgrade(ref, driver.next, writing()))).toBe("NOT_FOUND");
  });

  it("offers what can be asked for", async () => {
    const offered = await port().offered(world.ours.defaultPlace(namespace), writing());
    const mine = offered?.versions.find(
      (offer) =>
        offer.version === driver.wanted.kubernetesVersion &&
        offer.class === driver.wanted.class &&
        offer.template === driver.wanted.template,
    );
    expect(mine?.upgrades).toContain(driver.next);
    expect(mine?.upgrades).not.toContain(driver.wanted.kubernetesVersion);
    expect(offered?.classes.includes("lab-virtual")).toBe(driver.name === "cluster-api");
  });

  it("never touches what is another's", async () => {
    const ref = refTo("strangers");
    await world.plant(driver.stranger(ref.name));
    const before = (await world.lab.ask("GET", `${driver.path}/${ref.name}`)).body;
    const change = { nodePool: driver.nodePool, nodeCount: 3 };
    const verbs = [
      () => port().check(ref, driver.wanted, writing()),
      () => port().create(ref, driver.wanted, writing()),
      () => port().read(ref, writing()),
      () => port().scale(ref, change, writing()),
      () => port().upgrade(ref, driver.next, writing()),
      () => port().kubeconfig(ref, writing()),
    ];
    for (const verb of verbs) expect(await outcome(verb())).toBe("CONFLICT not-ours");
    expect(await port().delete(ref, writing())).toBe("gone");
    const after = (await world.lab.ask("GET", `${driver.path}/${ref.name}`)).body;
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata.deletionTimestamp).toBeUndefined();
  });

  it("refuses what cannot be built, by field", async () => {
    const ref = refTo("refused");
    const fieldsOf = async (change: Partial<WantedCluster>): Promise<readonly string[]> => {
      const thrown = await port()
        .check(ref, { ...driver.wanted, ...change }, writing())
        .then(
          () => null,
          (error: unknown) => error,
        );
      if (!(thrown instanceof Failure) || thrown.code !== "VALIDATION_ERROR") {
        throw new Error(`not refused as wrong input: ${String(thrown)}`);
      }
      return Object.keys(thrown.details?.["fields"] as object);
    };
    const chosen = driver.name === "k0rdent" ? "template" : "class";
    expect(await fieldsOf({ [chosen]: "no-such" })).toEqual([chosen]);
    expect(await fieldsOf({ [chosen]: null })).toEqual([chosen]);
    expect(await fieldsOf({ kubernetesVersion: "v1.99.0" })).toEqual(["kubernetesVersion"]);
    const labels = { hostLabels: { rack: "r1" } };
    expect(await fieldsOf({ controlPlane: { replicas: 1, ...labels } })).toEqual([
      "controlPlane.pool",
    ]);
    if (driver.name === "k0rdent") {
      expect(await fieldsOf({ credential: "no-such" })).toEqual(["credential"]);
      expect(await fieldsOf({ credential: null })).toEqual(["credential"]);
      await world.plant({
        apiVersion: "k0rdent.mirantis.com/v1beta1",
        kind: "Credential",
        metadata: { name: "far", namespace },
        spec: {
          region: "north",
          identityRef: {
            apiVersion: "v1",
            kind: "Secret",
            name: "lab-cluster-identity",
            namespace,
          },
        },
      });
      expect(await fieldsOf({ credential: "far" })).toEqual(["credential"]);
      const two = ["one", "two"].map((name) => ({ name, ...group(1) }));
      expect(await fieldsOf({ nodePools: two })).toEqual(["nodePools"]);
      const template = "lab-machine-pools-1-0-0";
      expect(await fieldsOf({ template })).toEqual(["nodePools"]);
    } else {
      expect(await fieldsOf({ config: { shape: "round" } })).toEqual(["config.shape"]);
      const drawn = {
        ...driver.wanted,
        class: "lab-metal3",
        controlPlane: { replicas: 1, ...labels },
      };
      const pools = [{ name: "blue", ...group(2), ...labels }];
      await port().check(ref, { ...drawn, nodePools: pools }, writing());
      // Any host that is free would do, also a pool's server.
      const anyHost = { class: "lab-metal3" };
      const both = ["controlPlane.pool", "nodePools[0].pool"];
      expect(await fieldsOf(anyHost)).toEqual(both);
      expect(await fieldsOf({ ...anyHost, config: { hostSelector: {} } })).toEqual(both);
      expect(await fieldsOf({ ...drawn })).toEqual(["nodePools[0].pool"]);
      const elsewhere = {
        ...driver.wanted,
        ...anyHost,
        config: { hostSelector: { of: "others" } },
      };
      await port().check(ref, elsewhere, writing());
    }
    expect(await read(ref)).toBeNull();
  });

  it("does not know a node pool that is not there, and no way to a version that is not offered", async () => {
    const ref = await created("ways");
    await settled(ref);
    const change = { nodePool: "green", nodeCount: 3 };
    expect(await outcome(port().scale(ref, change, writing()))).toBe("NOT_FOUND");
    expect(await outcome(port().upgrade(ref, "v1.31.0", writing()))).toMatch(
      /^KUBERNETES_REJECTED/,
    );
    expect((await read(ref))?.settled).toBe(true);
    await gone(ref);
  });

  /** As `kubectl apply --server-side --force-conflicts --field-manager=other`; what is left out is let go of. */
  const applyAsOther = async (ref: ClusterRef, spec: object): Promise<void> => {
    const { apiVersion, kind } = driver.stranger(ref.name);
    const told = await world.lab.ask(
      "PATCH",
      `${driver.path}/${ref.name}?fieldManager=other&force=true`,
      {
        type: "application/apply-patch+yaml",
        body: { apiVersion, kind, metadata: { name: ref.name }, spec },
      },
    );
    expect([told.status, told.text.slice(0, 300)]).toEqual([200, expect.anything()]);
  };
  const failureOf = async (call: Promise<unknown>): Promise<Failure> => {
    const thrown: unknown = await call.catch((error: unknown) => error);
    if (!(thrown instanceof Failure)) throw new Error(`not refused: ${String(thrown)}`);
    return thrown;
  };
  const refused = "CONFLICT FieldManagerConflict";

  it("never takes the number of a pool over from another field manager", async () => {
    const ref = await created("shared");
    const sized = (nodeCount: number) => ({ nodePool: driver.nodePool, nodeCount });
    await port().checkScale(ref, sized(3), writing());
    await applyAsOther(ref, driver.sized(2));
    expect(await outcome(port().checkScale(ref, sized(3), writing()))).toBe(refused);
    const thrown = await failureOf(port().scale(ref, sized(3), writing()));
    expect(thrown.details?.["causes"]).toMatchObject([{ manager: "other" }]);
    expect(thrown.message).toContain("other");
    expect((await read(ref))?.nodePools[0]?.desired).toBe(2);
    // What it is already is no change, whoever says so.
    expect(await port().scale(ref, sized(2), writing())).toBe("already");
    await applyAsOther(ref, driver.sized(null));
    await port().checkScale(ref, sized(3), writing());
    expect(await port().scale(ref, sized(3), writing())).toBe("asked");
    expect((await read(ref))?.nodePools[0]?.desired).toBe(3);
    await gone(ref);
  });

  it("never takes the version over from another field manager", async () => {
    const ref = await created("versioned");
    await settled(ref);
    const upgraded = () => port().upgrade(ref, driver.next, writing());
    await port().checkUpgrade(ref, driver.next, writing());
    await applyAsOther(ref, driver.versioned);
    expect(await outcome(port().checkUpgrade(ref, driver.next, writing()))).toBe(refused);
    expect(await failureOf(upgraded())).toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("other"),
      details: { reason: "FieldManagerConflict", causes: [{ manager: "other" }] },
    });
    const present = driver.wanted.kubernetesVersion;
    expect(await read(ref)).toMatchObject({ kubernetesVersion: present });
    // What it is already is no change, whoever says so.
    await port().checkUpgrade(ref, present, writing());
    expect(await port().upgrade(ref, present, writing())).toMatchObject({ asked: false });
    await applyAsOther(ref, {});
    await port().checkUpgrade(ref, driver.next, writing());
    expect(await upgraded()).toMatchObject({ asked: true });
    await gone(ref);
  });

  it("says what is wrong while the operators go on trying", async () => {
    const quota = await created("quota");
    const hanging = await created("control-plane-hangs");
    const failing = await created("worker-fails");
    const complains = (ref: ClusterRef, about: RegExp) =>
      until(
        () => read(ref),
        (seen) => seen !== null && seen.problems.some(({ message }) => about.test(message)),
      );
    const short = await complains(quota, /exceeded quota/i);
    expect(short?.summary).not.toBe("");
    expect((await complains(hanging, /Waiting for a Node/))?.controlPlaneInitialized).toBe(false);
    expect((await complains(failing, /cni plugin/))?.workersAvailable).toBe(false);
    for (const ref of [quota, hanging, failing]) {
      expect((await read(ref))?.settled).toBe(false);
      await gone(ref);
    }
  });

  it("shows an upgrade that stalls and a deletion that hangs for what they are", async () => {
    const wanted = { ...driver.wanted, controlPlane: group(3) };
    const stalling = await created("upgrade-stalls", wanted);
    await settled(stalling);
    await port().upgrade(stalling, driver.next, writing());
    const stalled = await until(
      () => read(stalling),
      (seen) => (seen?.controlPlane.versions.length ?? 0) === 2,
    );
    expect(stalled?.settled).toBe(false);
    expect(stalled?.changing).toBe(true);
    expect(stalled?.summary).toMatch(/upgrad|roll/i);
    const hanging = await created("delete-hangs", wanted);
    await settled(hanging);
    await port().delete(hanging, writing());
    const leaving = await until(
      () => read(hanging),
      (seen) => /infrastructure|Cluster/i.test(seen?.summary ?? ""),
    );
    expect(leaving?.deleting).toBe(true);
    expect(await port().delete(hanging, writing())).toBe("asked");
  });

  it("is unavailable while the API server is, and goes on afterwards", async () => {
    const ref = refTo("adversity");
    const { faults } = world.lab.cluster;
    const cases: readonly (readonly [Parameters<typeof faults.add>[0], string])[] = [
      [{ status: 429, retryAfterSeconds: 4 }, "KUBERNETES_UNAVAILABLE TooManyRequests"],
      [{ status: 503 }, "KUBERNETES_UNAVAILABLE ServiceUnavailable"],
      [{ status: 500 }, "KUBERNETES_UNAVAILABLE InternalError"],
      [{ cut: "before" }, "KUBERNETES_UNAVAILABLE reset"],
      [{ rubbish: true }, "KUBERNETES_UNAVAILABLE invalid-answer"],
    ];
    for (const [fault, expected] of cases) {
      faults.add(fault);
      const found = await outcome(port().read(ref, writing()));
      expect([fault, found]).toEqual([fault, expected]);
      faults.clear();
    }
    // Done, but nobody was told: the second call finds it.
    faults.add({ method: "POST", path: driver.path, cut: "after", times: 1 });
    expect(await outcome(port().create(ref, driver.wanted, writing()))).toMatch(/already|reset/);
    expect(await port().create(ref, driver.wanted, writing())).toBe("already");
    await settled(ref);
    // A list whose pages have gone stale is begun anew.
    faults.add({ method: "GET", path: "/machines", status: 410, times: 1 });
    expect((await read(ref))?.settled).toBe(true);
    faults.add({ method: "GET", path: "/machines", status: 410 });
    expect(await outcome(read(ref))).toMatch(/^KUBERNETES_UNAVAILABLE/);
    faults.clear();
    // Somebody else's write came between: read again, and tried again.
    faults.add({ method: "PATCH", path: ref.name, status: 409, times: 2 });
    const change = { nodePool: driver.nodePool, nodeCount: 1 };
    expect(await port().scale(ref, change, writing())).toBe("asked");
    await settled(ref);
    await gone(ref);
  });
});

it("leaves the number of a pool to cluster-autoscaler, where annotations say that it is its", async () => {
  const port = world.ours.clusters["cluster-api"];
  const place = world.ours.defaultPlace(namespace);
  const ref: ClusterRef = { id: "cls_01KAP5ZV9QJ5T1W7R9D0C3M8XM", place, name: "c-autoscaled" };
  await port.create(ref, capi.wanted, writing());
  const path = "/spec/topology/workers/machineDeployments/0";
  const group = "cluster.x-k8s.io/cluster-api-autoscaler-node-group";
  const annotations = { [`${group}-min-size`]: "1", [`${group}-max-size`]: "9" };
  const handedOver = await world.lab.ask("PATCH", `${capi.path}/${ref.name}`, {
    type: "application/json-patch+json",
    body: [
      { op: "remove", path: `${path}/replicas` },
      { op: "add", path: `${path}/metadata`, value: { annotations } },
    ],
  });
  expect(handedOver.status).toBe(200);
  const change = { nodePool: "blue", nodeCount: 3 };
  expect(await outcome(port.checkScale(ref, change, writing()))).toBe("CONFLICT autoscaled");
  expect(await outcome(port.scale(ref, change, writing()))).toBe("CONFLICT autoscaled");
  await until(
    () => port.delete(ref, writing()),
    (answer) => answer === "gone",
  );
});

it("keeps kubeconfigs and tokens out of the log", () => {
  expect(world.logged.length).toBeGreaterThan(0);
  expect(world.logged.join("\n")).not.toMatch(/Bearer|client-key|certificate-authority/);
});
