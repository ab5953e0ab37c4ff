import { describe, expect, it } from "vitest";
import { CapiWorld, minute } from "#lab/kubernetes/behaviours/testing/capi-world.ts";

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

  it("cannot be avoided by asking for a version that the class does not offer", () => {
    const world = new CapiWorld();
    expect(() => world.ask({ version: "v1.30.1" })).toThrow(/kubernetesVersions/);
    world.ask({ version: "1.33.9" });
    expect(world.of()["spec"]).toMatchObject({ topology: { version: "v1.33.9" } });
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
