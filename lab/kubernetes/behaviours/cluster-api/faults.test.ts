import { describe, expect, it } from "vitest";
import { CapiWorld, minute } from "#lab/kubernetes/behaviours/testing/capi-world.ts";

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
