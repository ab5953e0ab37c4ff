import { describe, expect, it } from "vitest";
import type { Failure } from "#contract/failures.ts";
import { clusterKind, machineDeploymentKind } from "#drivers/cluster-api/kinds.ts";
import { clusterDeploymentKind, clusterTemplateChainKind, clusterTemplateKind } from "./kinds.ts";
import { stateOf } from "./look.ts";
import { offeredBy, templateFor } from "./offered.ts";
import type { Values } from "./kinds.ts";
import { type Template, valueAt } from "./template.ts";
import { configOf, merged } from "./values.ts";

const metadata = (name: string, more: object = {}): object => ({
  name,
  namespace: "demo",
  uid: `u-${name}`,
  resourceVersion: "1",
  generation: 1,
  ...more,
});

const templateOf = (name: string, k8sVersion: string, valid = true) =>
  clusterTemplateKind.schema.parse({ metadata: metadata(name), status: { valid, k8sVersion } });

const templates = [
  templateOf("aws-1-0-0", "v1.33.9"),
  templateOf("aws-1-0-2", "1.34.5"),
  templateOf("aws-1-0-10", "v1.34.5"),
  templateOf("broken-1-0-0", "v1.34.5", false),
  templateOf("silent-1-0-0", ""),
];

describe("versions", () => {
  it("are what valid templates give and chains lead to", () => {
    const chain = clusterTemplateChainKind.schema.parse({
      metadata: metadata("aws"),
      spec: {
        supportedTemplates: [
          {
            name: "aws-1-0-0",
            availableUpgrades: [{ name: "aws-1-0-2" }, { name: "broken-1-0-0" }, { name: "gone" }],
          },
          { name: "aws-1-0-2", availableUpgrades: [{ name: "aws-1-0-10" }] },
        ],
      },
    });
    const offered = offeredBy(templates, [chain]);
    expect(offered.map(({ template, version, upgrades }) => [template, version, upgrades])).toEqual(
      [
        ["aws-1-0-0", "v1.33.9", ["v1.34.5"]],
        ["aws-1-0-2", "v1.34.5", []],
        ["aws-1-0-10", "v1.34.5", []],
      ],
    );
  });

  it("are reached by the newest of several templates", () => {
    const among = ["aws-1-0-10", "aws-1-0-2", "broken-1-0-0"];
    expect(templateFor("v1.34.5", among, templates)).toBe("aws-1-0-10");
    expect(templateFor("v1.35.0", among, templates)).toBeNull();
  });
});

it("puts the wish over the template's defaults as Helm does", () => {
  const under = { a: { b: 1, c: [1, 2] }, d: "x" };
  expect(merged(under, { a: { c: [3] }, e: null })).toEqual({
    a: { b: 1, c: [3] },
    d: "x",
    e: null,
  });
  expect(under).toEqual({ a: { b: 1, c: [1, 2] }, d: "x" });
});

describe("a template that makes its machines of hosts", () => {
  const metal = (defaults: Values): Template => ({
    name: "metal-1-0-0",
    kubernetesVersion: "v1.34.5",
    knows: (path) => valueAt(defaults, path) !== undefined,
    defaultAt: (path) => valueAt(defaults, path),
    unknown: () => [],
  });
  const configured = (template: Template, config: Values | null = null): unknown => {
    const group = { replicas: 1, hostLabels: null };
    const wanted = { class: null, template: template.name, credential: "c", config };
    const groups = { controlPlane: group, nodePools: [{ name: "workers", ...group }] };
    try {
      return configOf({ ...wanted, ...groups, kubernetesVersion: "v1.34.5" }, template);
    } catch (thrown) {
      return Object.keys((thrown as Failure).details?.["fields"] as object);
    }
  };
  const any = { hostSelector: { matchLabels: {} } };
  const own = { hostSelector: { matchLabels: { of: "others" } } };
  const both = ["controlPlane.pool", "nodePools[0].pool"];

  it("takes no host that nobody has named", () => {
    const counts = { controlPlaneNumber: 1, workersNumber: 1 };
    const apart = metal({ ...counts, controlPlane: any, worker: any });
    expect(configured(apart)).toEqual(both);
    expect(configured(apart, { worker: own })).toEqual(["controlPlane.pool"]);
    expect(configured(metal({ ...counts, controlPlane: own, worker: own }))).toEqual(counts);
    expect(configured(metal({ ...counts, ...any }))).toEqual(both);
    expect(configured(metal({ ...counts, ...any }), own)).toEqual({ ...counts, ...own });
    // Its control plane runs in pods.
    expect(configured(metal({ workersNumber: 1, ...any }))).toEqual(["nodePools[0].pool"]);
  });
});

describe("the versions of machines", () => {
  const versionsOf = (template: string, ...replicas: readonly [string, number][]) => {
    const versions = replicas.map(([version, count]) => ({ version, replicas: count }));
    const cluster = clusterKind.schema.parse({
      apiVersion: "cluster.x-k8s.io/v1beta2",
      metadata: metadata("prod"),
      status: { controlPlane: { versions } },
    });
    const deployment = clusterDeploymentKind.schema.parse({
      metadata: metadata("prod"),
      spec: { template: "aws-1-0-0" },
    });
    return stateOf(deployment, { cluster, deployments: [], machines: [] }, template).controlPlane
      .versions;
  };

  it("are the template's when they differ in a build that only one of them tells", () => {
    expect(versionsOf("v1.34.2", ["v1.34.2+k0s.0", 2], ["v1.34.2", 1])).toEqual([
      { version: "v1.34.2", count: 3 },
    ]);
    expect(versionsOf("v1.34.2+k0s.0", ["v1.34.2", 3])).toEqual([
      { version: "v1.34.2+k0s.0", count: 3 },
    ]);
  });

  it("are others when the builds differ, or the patch does", () => {
    expect(versionsOf("v1.34.2+k0s.1", ["v1.34.2+k0s.0", 1], ["v1.33.9+k0s.0", 1])).toEqual([
      { version: "v1.34.2+k0s.0", count: 1 },
      { version: "v1.33.9+k0s.0", count: 1 },
    ]);
    expect(versionsOf("", ["v1.34.2+k0s.0", 1])).toEqual([{ version: "v1.34.2+k0s.0", count: 1 }]);
  });
});

describe("a ClusterDeployment with its Cluster", () => {
  const counts = { replicas: 2, availableReplicas: 2, upToDateReplicas: 2 };
  const ready = (observedGeneration: number) => ({
    type: "Ready",
    status: "True",
    reason: "Succeeded",
    observedGeneration,
  });
  interface Seen {
    readonly readyAt?: number;
    readonly clusterAt?: number;
    readonly workersAt?: number;
    readonly own?: object[];
    readonly clusters?: object[];
    readonly workers?: object[];
  }
  /** All objects are of the second generation. */
  const look = ({ readyAt = 2, clusterAt = 2, workersAt = 2, ...seen }: Seen = {}) => {
    const second = { generation: 2 };
    const deployment = clusterDeploymentKind.schema.parse({
      metadata: metadata("prod", {
        ...second,
        annotations: { "millwright.dev/node-pool": "blue" },
      }),
      spec: { template: "aws-1-0-0", config: { workersNumber: 2, controlPlaneNumber: 2 } },
      status: { observedGeneration: 2, conditions: [ready(readyAt), ...(seen.own ?? [])] },
    });
    const cluster = clusterKind.schema.parse({
      apiVersion: "cluster.x-k8s.io/v1beta2",
      metadata: metadata("prod", second),
      status: {
        observedGeneration: clusterAt,
        controlPlane: counts,
        conditions: seen.clusters ?? [],
      },
    });
    const workers = machineDeploymentKind.schema.parse({
      apiVersion: "cluster.x-k8s.io/v1beta2",
      metadata: metadata("prod-md", second),
      spec: { replicas: 2 },
      status: { ...counts, observedGeneration: workersAt, conditions: seen.workers ?? [] },
    });
    return stateOf(deployment, { cluster, deployments: [workers], machines: [] }, "v1.33.9");
  };
  const is = (type: string, status = "True") => ({ type, status, reason: "x" });

  it("is observed and settled when each has seen its newest wish", () => {
    expect(look()).toMatchObject({
      observed: true,
      settled: true,
      changing: false,
      reconciled: true,
      paused: false,
      nodePools: [{ busy: false }],
    });
  });

  it.each<[string, Seen]>([
    ["Ready", { readyAt: 1 }],
    ["the Cluster", { clusterAt: 1 }],
    ["the MachineDeployment", { workersAt: 1 }],
  ])("is neither while %s is of an older one", (_what, seen) => {
    expect(look(seen)).toMatchObject({ observed: false, settled: false });
  });

  it("tells its pool's own work from another's, and whether its release is applied", () => {
    const elsewhere = look({ clusters: [is("RollingOut")] });
    expect(elsewhere).toMatchObject({ changing: true, nodePools: [{ busy: false }] });
    const own = look({ workers: [is("ScalingUp")] });
    expect(own.nodePools).toMatchObject([{ busy: true }]);
    expect(look({ own: [is("HelmReleaseReady", "False")] }).reconciled).toBe(false);
  });

  it("is paused when either is", () => {
    expect(look({ own: [is("Paused")] }).paused).toBe(true);
    expect(look({ clusters: [is("Paused")] }).paused).toBe(true);
  });
});

describe("a ClusterDeployment without a Cluster", () => {
  const look = (status: object, more: object = {}) =>
    stateOf(
      clusterDeploymentKind.schema.parse({
        metadata: metadata("prod", { annotations: { "millwright.dev/node-pool": "blue" } }),
        spec: {
          template: "aws-1-0-0",
          config: { workersNumber: 2, controlPlaneNumber: 3 },
          ...more,
        },
        status,
      }),
      null,
      "v1.33.9",
    );
  const condition = (type: string, status: string, reason: string, message = "") => ({
    type,
    status,
    reason,
    message,
  });
  const ready = condition("Ready", "True", "Succeeded");

  it("has machines that are wished for, and is not settled", () => {
    expect(look({ observedGeneration: 1, conditions: [ready] })).toMatchObject({
      observed: true,
      settled: false,
      controlPlane: { desired: 3, replicas: 0 },
      nodePools: [{ name: "blue", desired: 2, replicas: 0 }],
    });
  });

  it("is settled by k0rdent's word when its machines are in a region's cluster", () => {
    const elsewhere = { observedGeneration: 1, region: "north", conditions: [ready] };
    expect(look(elsewhere).settled).toBe(true);
    expect(look({ ...elsewhere, observedGeneration: 0 }).settled).toBe(false);
    expect(look(elsewhere, { dryRun: true }).settled).toBe(false);
  });

  it("complains of what has failed, not of what is on its way", () => {
    const { problems, summary } = look({
      observedGeneration: 1,
      conditions: [
        condition("Ready", "False", "Failed", "sums up"),
        condition("HelmReleaseReady", "False", "InstallFailed", "no such value"),
        condition("HelmChartReady", "False", "Progressing", "fetching"),
      ],
    });
    expect(problems).toEqual([
      {
        source: "ClusterDeployment/prod",
        reason: "InstallFailed",
        message: "no such value",
        usualSince: null,
      },
    ]);
    expect(summary).toBe("InstallFailed: no such value");
  });
});
