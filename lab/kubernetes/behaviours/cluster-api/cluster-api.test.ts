import { describe, expect, it } from "vitest";
import { CapiWorld, minute, namespace } from "#lab/kubernetes/behaviours/testing/capi-world.ts";
import { keyOf } from "./kinds.ts";

function phases(world: CapiWorld, name: string): string[] {
  const said = world.cluster.history
    .filter(({ kind, metadata }) => kind === "Cluster" && metadata.name === name)
    .flatMap((object) => (object["status"] as { phase?: string } | undefined)?.phase ?? []);
  return said.filter((phase, index) => phase !== said[index - 1]);
}

function reasons(world: CapiWorld, type: string): string[] {
  const said = world.cluster.history
    .filter(({ kind }) => kind === "Cluster")
    .flatMap((object) => {
      const status = object["status"] as { conditions?: { type: string; reason: string }[] };
      return status?.conditions?.find((condition) => condition.type === type)?.reason ?? [];
    });
  return said.filter((reason, index) => reason !== said[index - 1]);
}

describe("a cluster with a topology", () => {
  it("comes up step by step", () => {
    const world = new CapiWorld();
    world.ask({ controlPlane: 3, workers: 2 });
    world.cluster.advanceUntil(() => world.isDone(), 30 * minute);
    expect(phases(world, "c1")).toEqual(["Pending", "Provisioning", "Provisioned"]);
    expect(reasons(world, "TopologyReconciled")).toEqual(["ClusterCreating", "ReconcileSucceeded"]);
    expect(world.of()["status"]).toMatchObject({
      initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true },
      controlPlane: {
        desiredReplicas: 3,
        replicas: 3,
        readyReplicas: 3,
        upToDateReplicas: 3,
        versions: [{ version: "v1.33.9", replicas: 3 }],
      },
      workers: {
        desiredReplicas: 2,
        availableReplicas: 2,
        versions: [{ version: "v1.33.9", replicas: 2 }],
      },
    });
    expect(world.count("node-joined")).toBe(5);
    expect(world.count("virtual-machine-created")).toBe(5);
    expect(world.count("control-plane-initialized")).toBe(1);
    expect((world.of()["status"] as { observedGeneration: number }).observedGeneration).toBe(
      world.of().metadata.generation,
    );
  });

  it("takes about four minutes for a control plane node and three for its workers, side by side", () => {
    const world = new CapiWorld();
    world.ask({ workers: 20 });
    const until = (type: string): number =>
      world.cluster.advanceUntil(
        () =>
          world.cluster.get(world.key("Cluster", "c1")) !== undefined &&
          world.of()["status"] !== undefined &&
          (
            world.of()["status"] as { conditions: { type: string; status: string }[] }
          ).conditions.some((it) => it.type === type && it.status === "True"),
        30 * minute,
      );
    const first = until("ControlPlaneInitialized");
    expect(first).toBeGreaterThan(3.5 * minute);
    expect(first).toBeLessThan(5 * minute);
    const then = until("WorkersAvailable");
    expect(then).toBeGreaterThan(2.5 * minute);
    expect(then).toBeLessThan(3.5 * minute);
  });

  it("has a kubeconfig, which comes back when somebody deletes it", () => {
    const world = new CapiWorld();
    world.ready();
    const secret = world.get("Secret", "c1-kubeconfig");
    expect(secret["type"]).toBe("cluster.x-k8s.io/secret");
    const text = Buffer.from((secret["data"] as { value: string }).value, "base64").toString();
    expect(text).toMatch(/server: https:\/\/127\.\d+\.\d+\.\d+:6443\n/);
    world.cluster.delete(keyOf(secret));
    world.cluster.settle();
    expect(world.get("Secret", "c1-kubeconfig")["data"]).toEqual(secret["data"]);
  });

  it("changes nothing any more when it is done", () => {
    const world = new CapiWorld();
    world.ready();
    world.cluster.advance(minute);
    const before = world.cluster.history.length;
    world.cluster.advance(60 * minute);
    expect(world.cluster.history).toHaveLength(before);
  });

  it("waits for a class that does not exist, and for a template of it", () => {
    const world = new CapiWorld();
    world.ask({ className: "nowhere" });
    world.cluster.settle();
    expect(world.condition("TopologyReconciled")).toMatchObject({
      status: "False",
      reason: "ClusterClassNotReconciled",
    });
    world.ask({ name: "c2" });
    world.cluster.delete(world.key("DevMachineTemplate", "lab-virtual"));
    world.cluster.advance(minute);
    expect(world.condition("TopologyReconciled", "c2")).toMatchObject({
      status: "False",
      reason: "ReconcileFailed",
    });
    expect(world.condition("Available", "c2").status).toBe("False");
  });

  it("does nothing while it is paused", () => {
    const world = new CapiWorld();
    world.ready();
    world.cluster.update(world.key("Cluster", "c1"), (owner) => ({
      ...owner,
      spec: { ...(owner["spec"] as object), paused: true },
    }));
    world.edit("c1", (topology) => (topology.controlPlane.replicas = 3));
    world.cluster.advance(30 * minute);
    expect(world.condition("Paused").status).toBe("True");
    expect(world.condition("TopologyReconciled")).toMatchObject({
      status: "False",
      reason: "Paused",
    });
    expect(world.list("Machine")).toHaveLength(3);
    world.cluster.update(world.key("Cluster", "c1"), (owner) => ({
      ...owner,
      spec: { ...(owner["spec"] as object), paused: false },
    }));
    world.cluster.advanceUntil(
      () => world.isDone() && world.list("Machine").length === 5,
      30 * minute,
    );
  });
});

describe("scaling", () => {
  it("adds and removes workers, and says so on the way", () => {
    const world = new CapiWorld();
    world.ready({ workers: 2 });
    world.editPool("c1", (pool) => (pool.replicas = 5));
    world.cluster.advance(10_000);
    expect(world.one("MachineDeployment")["status"]).toMatchObject({ phase: "ScalingUp" });
    expect(reasons(world, "ScalingUp").at(-2)).toBe("ScalingUp");
    world.cluster.advanceUntil(() => world.isDone(), 30 * minute);
    expect(world.of()["status"]).toMatchObject({
      workers: { desiredReplicas: 5, availableReplicas: 5 },
    });
    const marked = world.one("Machine", ({ metadata }) => metadata.name.includes("pool-a"));
    world.cluster.update(keyOf(marked), (it) => ({
      ...it,
      metadata: { ...it.metadata, annotations: { "cluster.x-k8s.io/delete-machine": "" } },
    }));
    world.editPool("c1", (pool) => (pool.replicas = 4));
    world.cluster.advance(10_000);
    expect(world.condition("ScalingDown").status).toBe("True");
    world.cluster.advanceUntil(() => world.isDone(), 30 * minute);
    expect(world.cluster.get(keyOf(marked))).toBeUndefined();
    expect(world.count("machine-deleted")).toBe(1);
  });

  it("does nothing for the number that it has", () => {
    const world = new CapiWorld();
    world.ready();
    world.cluster.advance(minute);
    const before = world.cluster.history.length;
    world.editPool("c1", (pool) => (pool.replicas = 2));
    world.cluster.advance(minute);
    expect(world.cluster.history).toHaveLength(before);
  });

  it("scales the control plane one by one, and not to an even number", () => {
    const world = new CapiWorld();
    world.ready();
    world.edit("c1", (topology) => (topology.controlPlane.replicas = 2));
    world.cluster.advance(minute);
    expect(world.condition("TopologyReconciled")).toMatchObject({
      status: "False",
      reason: "ReconcileFailed",
    });
    expect(world.condition("TopologyReconciled").message).toContain("even number");
    world.edit("c1", (topology) => (topology.controlPlane.replicas = 3));
    world.cluster.advanceUntil(
      () => world.isDone() && world.list("Machine").length === 5,
      30 * minute,
    );
    world.edit("c1", (topology) => (topology.controlPlane.replicas = 1));
    world.cluster.advanceUntil(
      () => world.isDone() && world.list("Machine").length === 3,
      30 * minute,
    );
  });

  it("leaves the number to others where the topology has none", () => {
    const world = new CapiWorld();
    world.ready();
    world.editPool("c1", (pool) => (pool.replicas = null));
    world.cluster.settle();
    const deployment = world.one("MachineDeployment");
    world.cluster.update(keyOf(deployment), (it) => ({
      ...it,
      spec: { ...(it["spec"] as object), replicas: 4 },
    }));
    world.cluster.advanceUntil(
      () => world.isDone() && world.list("Machine").length === 5,
      30 * minute,
    );
  });

  it("puts back what somebody changed or deleted underneath", () => {
    const world = new CapiWorld();
    world.ready();
    const deployment = world.one("MachineDeployment");
    world.cluster.update(keyOf(deployment), (it) => ({
      ...it,
      spec: { ...(it["spec"] as object), replicas: 7 },
    }));
    world.cluster.settle();
    expect(world.one("MachineDeployment")["spec"]).toMatchObject({ replicas: 2 });
    const machine = world.one("Machine", ({ metadata }) => metadata.name.includes("pool-a"));
    world.cluster.delete(keyOf(machine));
    world.cluster.advance(10_000);
    world.cluster.advanceUntil(
      () => world.isDone() && world.list("Machine").length === 3,
      30 * minute,
    );
    expect(world.cluster.get(keyOf(machine))).toBeUndefined();
    world.cluster.delete(keyOf(deployment));
    world.cluster.advance(10_000);
    world.cluster.advanceUntil(
      () => world.isDone() && world.list("Machine").length === 3,
      30 * minute,
    );
  });
});

describe("an upgrade", () => {
  it("goes to the control plane first, then to the workers", () => {
    const world = new CapiWorld();
    world.ready({ controlPlane: 3, workers: 2 });
    const from = world.cluster.effects.length;
    world.edit("c1", (topology) => (topology.version = "v1.34.5"));
    world.cluster.advance(2 * minute);
    expect(world.condition("TopologyReconciled")).toMatchObject({
      status: "False",
      reason: "ClusterUpgrading",
    });
    expect(world.condition("TopologyReconciled").message).toContain(
      "KubeadmControlPlane upgrading to version v1.34.5",
    );
    expect(world.condition("RollingOut").status).toBe("True");
    expect(world.condition("Available").status).toBe("True");
    world.cluster.advanceUntil(() => world.isDone(), 60 * minute);
    const upgrades = world.cluster.effects
      .slice(from)
      .filter(({ action }) => action.endsWith("-upgraded"));
    expect(upgrades.map(({ action }) => action)).toEqual([
      "control-plane-upgraded",
      "workers-upgraded",
    ]);
    expect(world.of()["status"]).toMatchObject({
      controlPlane: { replicas: 3, versions: [{ version: "v1.34.5", replicas: 3 }] },
      workers: { replicas: 2, versions: [{ version: "v1.34.5", replicas: 2 }] },
    });
    expect(world.list("Machine")).toHaveLength(5);
    expect(world.count("machine-deleted")).toBe(5);
  });

  it("passes through the minors in between when the class lists them", () => {
    const world = new CapiWorld();
    world.ready();
    world.edit("c1", (topology) => (topology.version = "v1.35.2"));
    world.cluster.advance(minute);
    expect(world.of()["status"]).toMatchObject({
      controlPlane: { upgradePlan: [{ version: "v1.34.5" }, { version: "v1.35.2" }] },
    });
    world.cluster.advanceUntil(() => world.isDone(), 60 * minute);
    const steps = world.cluster.effects.filter(({ action }) => action === "control-plane-upgraded");
    expect(steps.map(({ detail }) => detail["to"])).toEqual(["v1.34.5", "v1.35.2"]);
    expect(world.count("workers-upgraded")).toBe(1);
  });

  it("waits where a client holds it back", () => {
    const world = new CapiWorld();
    world.ready();
    world.edit("c1", (topology) => {
      topology.version = "v1.34.5";
      for (const pool of topology.workers.machineDeployments)
        pool.metadata = {
          annotations: { "topology.cluster.x-k8s.io/defer-upgrade": "" },
        };
    });
    world.cluster.advance(30 * minute);
    expect(world.condition("TopologyReconciled").reason).toBe("MachineDeploymentsUpgradeDeferred");
    world.editPool("c1", (pool) => delete pool.metadata);
    world.cluster.advanceUntil(() => world.isDone(), 30 * minute);
  });

  it.each([
    ["down", "v1.32.13", /cannot be decreased from "1.33.9" to "1.32.13"/],
    ["to what is no version", "latest", /valid semantic version/],
    ["to what is not offered", "v1.34.0", /kubernetesVersions/],
  ])("is refused %s", (_what, version, message) => {
    const world = new CapiWorld();
    world.ready();
    expect(() => world.edit("c1", (topology) => (topology.version = version))).toThrow(message);
  });

  it("is refused by two minors where the class lists no versions", () => {
    const world = new CapiWorld();
    world.cluster.update(world.key("ClusterClass", "lab-virtual"), (it) => {
      const { kubernetesVersions: _listed, ...spec } = it["spec"] as Record<string, unknown>;
      return { ...it, spec };
    });
    world.ready();
    expect(() => world.edit("c1", (topology) => (topology.version = "v1.35.2"))).toThrow(
      /cannot be increased/,
    );
    world.edit("c1", (topology) => (topology.version = "v1.34.0"));
  });

  it("is refused while another is on the way, and so is a topology's end", () => {
    const world = new CapiWorld();
    world.ready();
    world.edit("c1", (topology) => (topology.version = "v1.34.5"));
    world.cluster.advance(minute);
    expect(() => world.edit("c1", (topology) => (topology.version = "v1.35.2"))).toThrow(
      /completing a previous upgrade/,
    );
    expect(() =>
      world.cluster.update(world.key("Cluster", "c1"), (it) => ({
        ...it,
        spec: { paused: false },
      })),
    ).toThrow(/cannot be removed/);
  });
});

describe("a deletion", () => {
  it("takes workers, control plane and infrastructure away in this order, until nothing is left", () => {
    const world = new CapiWorld();
    world.ready({ controlPlane: 3, workers: 2 });
    world.cluster.delete(world.key("Cluster", "c1"));
    const took = world.cluster.advanceUntil(
      () => world.cluster.get(world.key("Cluster", "c1")) === undefined,
      30 * minute,
    );
    expect(took).toBeGreaterThan(1 * minute);
    expect(took).toBeLessThan(3 * minute);
    expect(reasons(world, "Deleting").slice(1)).toEqual([
      "WaitingForWorkersDeletion",
      "WaitingForControlPlaneDeletion",
      "WaitingForInfrastructureDeletion",
      "DeletionCompleted",
    ]);
    const left = world.cluster
      .all()
      .filter(({ metadata }) => metadata.labels?.["cluster.x-k8s.io/cluster-name"] === "c1");
    expect(left).toEqual([]);
    expect(world.count("machine-deleted")).toBe(5);
    expect(world.count("cluster-deleted")).toBe(1);
  });

  it("works at any moment of a creation", () => {
    for (let at = 0; at < 12; at += 1) {
      const world = new CapiWorld();
      world.ask({ controlPlane: 3 });
      world.cluster.advance(at * minute);
      world.cluster.delete(world.key("Cluster", "c1"));
      world.cluster.advanceUntil(
        () => world.cluster.get(world.key("Cluster", "c1")) === undefined,
        30 * minute,
      );
      expect(world.count("virtual-machine-deleted")).toBe(world.count("virtual-machine-created"));
      expect(
        world.cluster.all().filter(({ kind }) => kind === "Machine" || kind === "DevMachine"),
      ).toEqual([]);
    }
  });

  it("is refused for a class that is in use", () => {
    const world = new CapiWorld();
    world.ask();
    const key = { kind: "ClusterClass.cluster.x-k8s.io", namespace, name: "lab-virtual" };
    expect(() => world.cluster.delete(key)).toThrow(/used by 1 Cluster/);
  });
});

describe("faults by name", () => {
  it("quota: no machine is ever made, and nobody gives up", () => {
    const world = new CapiWorld();
    world.ask({ name: "c-quota" });
    world.cluster.advance(120 * minute);
    expect(world.condition("ControlPlaneMachinesReady", "c-quota").message).toContain(
      "exceeded quota",
    );
    expect(world.condition("ControlPlaneInitialized", "c-quota").status).toBe("False");
    expect((world.of("c-quota")["status"] as { phase: string }).phase).toBe("Provisioned");
    expect(world.count("virtual-machine-created")).toBe(0);
    world.cluster.delete(world.key("Cluster", "c-quota"));
    world.cluster.advanceUntil(
      () => world.cluster.get(world.key("Cluster", "c-quota")) === undefined,
      30 * minute,
    );
  });

  it("control-plane-hangs: the machine boots, and no more", () => {
    const world = new CapiWorld();
    world.ask({ name: "c-control-plane-hangs" });
    world.cluster.advance(120 * minute);
    expect(world.condition("ControlPlaneInitialized", "c-control-plane-hangs").status).toBe(
      "False",
    );
    expect(world.count("virtual-machine-created")).toBe(1);
    expect(world.count("node-joined")).toBe(0);
  });

  it("upgrade-stalls: one control plane node has the new version", () => {
    const world = new CapiWorld();
    world.ready({ name: "c-upgrade-stalls", controlPlane: 3 });
    world.edit("c-upgrade-stalls", (topology) => (topology.version = "v1.34.5"));
    world.cluster.advance(180 * minute);
    expect(world.condition("TopologyReconciled", "c-upgrade-stalls").reason).toBe(
      "ClusterUpgrading",
    );
    expect(world.of("c-upgrade-stalls")["status"]).toMatchObject({
      controlPlane: {
        versions: [
          { version: "v1.33.9", replicas: 2 },
          { version: "v1.34.5", replicas: 1 },
        ],
      },
    });
  });

  it("worker-fails: one worker is never ready", () => {
    const world = new CapiWorld();
    world.ask({ name: "c-worker-fails", workers: 3 });
    world.cluster.advance(60 * minute);
    expect(world.of("c-worker-fails")["status"]).toMatchObject({
      workers: { replicas: 3, readyReplicas: 2 },
    });
    expect(world.condition("WorkersAvailable", "c-worker-fails").status).toBe("False");
  });

  it("delete-hangs: a finalizer stays", () => {
    const world = new CapiWorld();
    world.ready({ name: "c-delete-hangs" });
    world.cluster.delete(world.key("Cluster", "c-delete-hangs"));
    world.cluster.advance(120 * minute);
    expect(world.condition("Deleting", "c-delete-hangs").reason).toBe(
      "WaitingForInfrastructureDeletion",
    );
  });
});
