import { describe, expect, it } from "vitest";
import {
  type CapiCluster,
  clusterClassKind,
  clusterKind,
  type Machine,
  type MachineDeployment,
  machineDeploymentKind,
  machineKind,
} from "./kinds.ts";
import { stateOf } from "./look.ts";
import { compareVersions, offeredBy } from "./offered.ts";

const metadata = (name: string, more: object = {}): object => ({
  name,
  namespace: "demo",
  uid: `u-${name}`,
  resourceVersion: "1",
  generation: 2,
  ...more,
});

const condition = (type: string, status: string, more: object = {}): object => ({
  type,
  status,
  reason: type,
  message: "",
  observedGeneration: 2,
  ...more,
});

const conditions = (...more: readonly { type?: unknown }[]): object[] => [
  ...["Available", "TopologyReconciled", "InfrastructureReady", "ControlPlaneAvailable"]
    .filter((type) => more.every((other) => other.type !== type))
    .map((type) => condition(type, "True")),
  ...more,
];

const counts = (replicas: number, more: object = {}): object => ({
  replicas,
  readyReplicas: replicas,
  availableReplicas: replicas,
  upToDateReplicas: replicas,
  ...more,
});

const spec = {
  controlPlaneEndpoint: { host: "127.9.8.7", port: 6443 },
  topology: {
    classRef: { name: "plain" },
    version: "v1.34.5",
    controlPlane: { replicas: 1 },
    workers: { machineDeployments: [{ name: "blue", replicas: 2 }] },
  },
};

const clusterOf = (status: object | undefined, more: object = {}): CapiCluster =>
  clusterKind.schema.parse({
    apiVersion: "cluster.x-k8s.io/v1beta2",
    metadata: metadata("prod"),
    spec,
    ...(status === undefined ? {} : { status }),
    ...more,
  });

const wellStatus = (more: object = {}): object => ({
  observedGeneration: 2,
  phase: "Provisioned",
  initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true },
  conditions: conditions(),
  controlPlane: counts(1, { versions: [{ version: "v1.34.5", replicas: 1 }] }),
  ...more,
});

const labels = {
  "topology.cluster.x-k8s.io/deployment-name": "blue",
  "cluster.x-k8s.io/cluster-name": "prod",
};

const deploymentOf = (status: object, replicas = 2): MachineDeployment =>
  machineDeploymentKind.schema.parse({
    apiVersion: "cluster.x-k8s.io/v1beta2",
    metadata: metadata("prod-blue-x", { labels }),
    spec: { replicas },
    status: { observedGeneration: 2, ...status },
  });

const blue = deploymentOf(counts(2, { versions: [{ version: "v1.34.5", replicas: 2 }] }));

const machineOf = (own: object[], version = "v1.34.5"): Machine =>
  machineKind.schema.parse({
    apiVersion: "cluster.x-k8s.io/v1beta2",
    metadata: metadata("prod-blue-x-1", {
      labels: { ...labels, "cluster.x-k8s.io/deployment-name": "prod-blue-x" },
    }),
    spec: { version },
    status: { conditions: own },
  });

const look = (
  cluster: CapiCluster,
  deployments: readonly MachineDeployment[] = [blue],
  machines: readonly Machine[] = [],
) => stateOf({ cluster, deployments, machines });

describe("a cluster is settled", () => {
  it("when everything wished for is there and has been looked at", () => {
    expect(look(clusterOf(wellStatus()))).toMatchObject({
      observed: true,
      settled: true,
      changing: false,
      endpoint: "127.9.8.7:6443",
      summary: "Provisioned",
      problems: [],
    });
  });

  it.each([
    ["the Cluster's controller has not seen the wish", { observedGeneration: 1 }],
    [
      "the topology's controller has not seen it",
      {
        conditions: conditions(condition("TopologyReconciled", "True", { observedGeneration: 1 })),
      },
    ],
  ])("not while %s", (_name, more) => {
    expect(look(clusterOf(wellStatus(more)))).toMatchObject({ observed: false, settled: false });
  });

  it("not while a MachineDeployment has not seen its wish, or is missing, or is too many", () => {
    const blind = deploymentOf({ ...counts(2), observedGeneration: 1 });
    expect(look(clusterOf(wellStatus()), [blind])).toMatchObject({
      observed: false,
      settled: false,
    });
    expect(look(clusterOf(wellStatus()), [])).toMatchObject({ settled: false, changing: true });
    const late = { ...blue, metadata: { ...blue.metadata, labels: {} } };
    expect(look(clusterOf(wellStatus()), [blue, late])).toMatchObject({ settled: false });
  });

  it("not while a machine has another version, though all counts are right", () => {
    const mixed = deploymentOf(counts(2, { versions: [{ version: "v1.33.9", replicas: 2 }] }));
    expect(look(clusterOf(wellStatus()), [mixed])).toMatchObject({
      settled: false,
      changing: true,
    });
    const silent = deploymentOf(counts(2));
    const old = machineOf([], "v1.33.9");
    const seen = look(clusterOf(wellStatus()), [silent], [old]);
    expect([seen.settled, seen.nodePools[0]?.versions]).toEqual([
      false,
      [{ version: "v1.33.9", count: 1 }],
    ]);
  });

  it("not while a machine is ready that is not yet available: it must stay ready for a while", () => {
    const fresh = counts(2, {
      availableReplicas: 1,
      versions: [{ version: "v1.34.5", replicas: 2 }],
    });
    const young = look(clusterOf(wellStatus()), [deploymentOf(fresh)]);
    expect(young).toMatchObject({ settled: false, nodePools: [{ replicas: 2, available: 1 }] });
    const plane = look(
      clusterOf(wellStatus({ controlPlane: counts(1, { availableReplicas: 0 }) })),
    );
    expect(plane).toMatchObject({ settled: false, controlPlane: { replicas: 1, available: 0 } });
  });

  it("not before the operator has looked at all", () => {
    expect(look(clusterOf(undefined), [])).toMatchObject({
      observed: false,
      settled: false,
      infrastructureReady: false,
      summary: "the operator has not looked at it yet",
    });
  });
});

describe("a pool is at rest by itself", () => {
  const pools = [
    { name: "good", replicas: 3 },
    { name: "bad", replicas: 2 },
  ];
  const topology = { ...spec.topology, workers: { machineDeployments: pools } };
  const poolOf = (name: string, status: object): MachineDeployment =>
    machineDeploymentKind.schema.parse({
      apiVersion: "cluster.x-k8s.io/v1beta2",
      metadata: metadata(`prod-${name}-x`, {
        labels: { ...labels, "topology.cluster.x-k8s.io/deployment-name": name },
      }),
      spec: { replicas: 3 },
      status: { observedGeneration: 2, ...status },
    });
  const lookAt = (good: object, bad: object, more: object = {}) =>
    look(clusterOf(wellStatus(more), { spec: { ...spec, topology } }), [
      poolOf("good", good),
      poolOf("bad", bad),
    ]);
  const busy = (type: string) => ({ conditions: [condition(type, "True")] });

  it("whatever another pool has to complain of", () => {
    const broken = counts(2, { readyReplicas: 1, availableReplicas: 1, ...busy("Remediating") });
    const conditionsOfAll = conditions(condition("Remediating", "True"));
    expect(lookAt(counts(3), broken, { conditions: conditionsOfAll })).toMatchObject({
      observed: true,
      settled: false,
      changing: true,
      reconciled: true,
      nodePools: [
        { name: "good", available: 3, busy: false },
        { name: "bad", available: 1, busy: true },
      ],
    });
  });

  it.each(["RollingOut", "ScalingUp", "ScalingDown", "Remediating"])(
    "not while its own %s is True",
    (type) => {
      const { nodePools } = lookAt({ ...counts(3), ...busy(type) }, counts(2));
      expect(nodePools.map((each) => each.busy)).toEqual([true, false]);
    },
  );

  it("not while the topology has not been carried out", () => {
    const failing = conditions(condition("TopologyReconciled", "False"));
    expect(lookAt(counts(3), counts(2), { conditions: failing }).reconciled).toBe(false);
  });
});

describe("a cluster is paused", () => {
  it.each([
    ["by its wish, before its controller has said so", { spec: { ...spec, paused: true } }],
    [
      "by its annotation",
      { metadata: metadata("prod", { annotations: { "cluster.x-k8s.io/paused": "" } }) },
    ],
    [
      "by its controller's word",
      { status: wellStatus({ conditions: [condition("Paused", "True")] }) },
    ],
  ])("%s", (_how, more) => {
    expect(look(clusterOf(wellStatus(), more)).paused).toBe(true);
  });

  it("no longer once the wish is taken back, though its controller has not looked yet", () => {
    const stale = condition("Paused", "True", { observedGeneration: 1 });
    expect(look(clusterOf(wellStatus({ conditions: conditions(stale) }))).paused).toBe(false);
    expect(look(clusterOf(wellStatus())).paused).toBe(false);
  });
});

describe("what v1beta1 serves", () => {
  it("is read from its newer conditions and counts, never from the old ones", () => {
    const old = { type: "TopologyReconciled", status: "False", message: "of the older form" };
    const cluster = clusterOf(
      {
        observedGeneration: 2,
        phase: "Provisioned",
        infrastructureReady: true,
        conditions: [old],
        v1beta2: {
          conditions: conditions(condition("ControlPlaneInitialized", "True")),
          controlPlane: counts(1),
        },
      },
      {
        apiVersion: "cluster.x-k8s.io/v1beta1",
        spec: { ...spec, topology: { ...spec.topology, classRef: undefined, class: "plain" } },
      },
    );
    const deployment = machineDeploymentKind.schema.parse({
      apiVersion: "cluster.x-k8s.io/v1beta1",
      metadata: metadata("prod-blue-x", { labels }),
      spec: { replicas: 2 },
      status: {
        observedGeneration: 2,
        replicas: 2,
        availableReplicas: 0,
        v1beta2: { readyReplicas: 2, availableReplicas: 2, upToDateReplicas: 2 },
      },
    });
    expect(cluster.className).toBe("plain");
    expect(look(cluster, [deployment])).toMatchObject({
      settled: true,
      controlPlaneInitialized: true,
    });
  });
});

describe("problems", () => {
  it("are errors of the topology, not its progress", () => {
    const about = (reason: string) =>
      look(
        clusterOf(
          wellStatus({
            conditions: conditions(
              condition("TopologyReconciled", "False", { reason, message: "why\n  so" }),
            ),
          }),
        ),
      );
    const source = "Cluster/prod";
    expect(about("ReconcileFailed").problems).toEqual([
      { source, reason: "ReconcileFailed", message: "why so", usualSince: null },
    ]);
    expect(about("ClusterUpgrading")).toMatchObject({
      problems: [],
      settled: false,
      summary: "ClusterUpgrading: why so",
    });
  });

  it("are what machines complain of, not what they wait for", () => {
    const seen = look(
      clusterOf(wellStatus()),
      [blue],
      [
        machineOf([
          condition("InfrastructureReady", "False", {
            reason: "NotReady",
            message: "no room",
            lastTransitionTime: "2026-03-02T08:00:00Z",
          }),
          condition("BootstrapConfigReady", "False", {
            reason: "NotReady",
            message: "* DataSecretAvailable: WaitingForInfrastructure",
          }),
          condition("NodeHealthy", "Unknown", { reason: "WaitingForNode", message: "not yet" }),
          condition("Ready", "False", { message: "sums up" }),
        ]),
      ],
    );
    expect(seen.problems).toEqual([
      {
        source: "Machine/prod-blue-x-1",
        reason: "NotReady",
        message: "no room",
        // A machine that comes to be says so too: only its time tells.
        usualSince: "2026-03-02T08:00:00Z",
      },
    ]);
  });
});

describe("offered versions", () => {
  const classOf = (kubernetesVersions?: readonly string[]) =>
    clusterClassKind.schema.parse({ metadata: metadata("plain"), spec: { kubernetesVersions } });

  it("are those that a class lists, each with what is one minor newer", () => {
    const offered = offeredBy(classOf(["v1.34.5", "v1.32.1", "v1.33.9"]), []);
    expect(offered.map(({ version, upgrades }) => [version, upgrades])).toEqual([
      ["v1.32.1", ["v1.33.9"]],
      ["v1.33.9", ["v1.34.5"]],
      ["v1.34.5", []],
    ]);
  });

  it("are those that run where a class lists none, which say nothing of what else it takes", () => {
    const running = ["v1.34.5", "v1.32.1", "v1.33.9", "v1.33.9"].map((version) =>
      clusterOf(undefined, { spec: { topology: { ...spec.topology, version } } }),
    );
    const offered = offeredBy(classOf(), running);
    expect(offered.map(({ version, upgrades }) => [version, upgrades])).toEqual([
      ["v1.32.1", ["v1.33.9"]],
      ["v1.33.9", ["v1.34.5"]],
      ["v1.34.5", []],
    ]);
    expect(offered.map(({ listed }) => listed)).toEqual([false, false, false]);
    expect(offeredBy(classOf(["v1.34.5"]), []).map(({ listed }) => listed)).toEqual([true]);
    expect(offeredBy(classOf(), [])).toEqual([]);
  });

  it("are ordered by number", () => {
    const versions = ["v1.10.0", "v1.9.12", "v1.9.2+k0s.1", "v1.9.2", "v2.0.0"];
    expect(versions.toSorted(compareVersions)).toEqual([
      "v1.9.2",
      "v1.9.2+k0s.1",
      "v1.9.12",
      "v1.10.0",
      "v2.0.0",
    ]);
  });
});
