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
