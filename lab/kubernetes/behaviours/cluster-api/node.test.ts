import { describe, expect, it } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import {
  CapiWorld,
  minute,
  namespace,
  second,
} from "#lab/kubernetes/behaviours/testing/capi-world.ts";
import { hostPlayer, newHost, statusOf } from "#lab/kubernetes/behaviours/testing/host-player.ts";
import { type Condition, conditionOf } from "./conditions.ts";
import { keyOf } from "./kinds.ts";
import { isReadyMachine } from "./machine.ts";

/** A cluster on hosts, all of which are on. */
function metalCluster(controlPlane: number): CapiWorld {
  const world = new CapiWorld([hostPlayer]);
  for (let index = 1; index <= controlPlane + 2; index += 1) {
    const host = world.cluster.create(newHost(`host-${index}`, namespace, {}));
    world.cluster.setStatus(keyOf(host), statusOf("available", ""));
  }
  world.ready({ className: "lab-metal3", controlPlane });
  return world;
}

const isPlane = ({ metadata }: KubeObject): boolean =>
  "cluster.x-k8s.io/control-plane" in (metadata.labels ?? {});

/** Switches the hosts of these machines, and lets Kubernetes notice it. */
function power(world: CapiWorld, machines: readonly KubeObject[], poweredOn: boolean): void {
  for (const { metadata } of machines) {
    const infra = world.get("Metal3Machine", metadata.name);
    const [, name = ""] = infra.metadata.annotations?.["metal3.io/BareMetalHost"]?.split("/") ?? [];
    const host = world.get("BareMetalHost", name);
    world.cluster.setStatus(keyOf(host), { ...(host["status"] as object), poweredOn });
  }
  world.cluster.settle();
}

function says(world: CapiWorld, machine: KubeObject, type: string): Condition | undefined {
  return conditionOf(world.get("Machine", machine.metadata.name), type);
}

describe("a node whose host has no power", () => {
  it("is missed after a while, by its machine and by all that count on it", () => {
    const world = metalCluster(1);
    const worker = world.one("Machine", (machine) => !isPlane(machine));
    power(world, [worker], false);
    world.cluster.advance(20 * second);
    expect(says(world, worker, "NodeHealthy")?.status).toBe("True");
    world.cluster.advance(minute);
    expect(says(world, worker, "NodeReady")).toMatchObject({
      status: "Unknown",
      reason: "NodeReadyUnknown",
    });
    expect(says(world, worker, "NodeHealthy")).toMatchObject({
      status: "Unknown",
      reason: "NodeHealthyUnknown",
      message: "* Node.AllConditions: Kubelet stopped posting node status.",
    });
    expect(says(world, worker, "Ready")).toMatchObject({
      status: "Unknown",
      reason: "ReadyUnknown",
      message: "* NodeHealthy:\n  * Node.AllConditions: Kubelet stopped posting node status.",
    });
    expect(world.condition("WorkersAvailable")).toMatchObject({ status: "False" });
    expect(world.condition("Available").message).toContain("WorkersAvailable");
    expect(world.condition("ControlPlaneAvailable").status).toBe("True");
  });

  it("is heard of again when its host has started", () => {
    const world = metalCluster(1);
    const worker = world.one("Machine", (machine) => !isPlane(machine));
    for (let round = 1; round <= 2; round += 1) {
      power(world, [worker], false);
      world.cluster.advance(2 * minute);
      power(world, [worker], true);
      world.cluster.advance(20 * second);
      expect(isReadyMachine(world.get("Machine", worker.metadata.name))).toBe(false);
      world.cluster.advance(2 * minute);
      expect(world.isDone()).toBe(true);
      expect(isReadyMachine(world.get("Machine", worker.metadata.name))).toBe(true);
    }
  });

  it("takes the control plane along only without a quorum", () => {
    const world = metalCluster(3);
    const planes = world.list("Machine").filter(isPlane);
    power(world, planes.slice(0, 1), false);
    world.cluster.advance(2 * minute);
    expect(world.condition("ControlPlaneAvailable").status).toBe("True");
    expect(world.condition("ControlPlaneMachinesReady").status).toBe("False");
    power(world, planes.slice(1, 2), false);
    world.cluster.advance(2 * minute);
    expect(world.condition("ControlPlaneAvailable").status).toBe("False");
    expect(world.condition("RemoteConnectionProbe").status).toBe("True");
    power(world, planes.slice(2), false);
    world.cluster.advance(2 * minute);
    expect(world.condition("RemoteConnectionProbe").status).toBe("False");
    expect(world.condition("Available").status).toBe("False");
    power(world, planes, true);
    world.cluster.advance(3 * minute);
    expect(world.isDone()).toBe(true);
  });
});

describe("a node that has not joined", () => {
  it("is waited for in the words of Cluster API", () => {
    const world = new CapiWorld();
    world.ask({ controlPlane: 1, workers: 0 });
    world.cluster.advanceUntil(() => world.list("Machine").length > 0, 60 * minute);
    const machine = world.one("Machine");
    expect(says(world, machine, "NodeHealthy")?.message).toBe(
      "Waiting for DevMachine to report spec.providerID",
    );
  });
});
