import { describe, expect, it } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { CapiWorld, minute, namespace } from "#lab/kubernetes/behaviours/testing/capi-world.ts";
import { hostPlayer, newHost, statusOf } from "#lab/kubernetes/behaviours/testing/host-player.ts";
import { conditionOf } from "./conditions.ts";
import { keyOf } from "./kinds.ts";

const racks = ["a", "a", "b", "b", "b", "b"];

/** Hosts `host-1` … in racks, all available. */
function metalWorld(): CapiWorld {
  const world = new CapiWorld([hostPlayer]);
  for (const [index, rack] of racks.entries()) {
    const host = world.cluster.create(newHost(`host-${index + 1}`, namespace, { rack }));
    world.cluster.setStatus(keyOf(host), statusOf("available", ""));
  }
  world.cluster.settle();
  return world;
}

function hosts(world: CapiWorld): readonly KubeObject[] {
  return world.cluster.list("BareMetalHost.metal3.io");
}

function takenBy(world: CapiWorld): Record<string, string> {
  return Object.fromEntries(
    hosts(world).flatMap((host) => {
      const { consumerRef } = host["spec"] as { consumerRef?: { name: string } };
      return consumerRef === undefined ? [] : [[host.metadata.name, consumerRef.name]];
    }),
  );
}

function askMetal(world: CapiWorld, rack: string, workerRack: string, controlPlane = 1): void {
  world.ask({ className: "lab-metal3", controlPlane });
  world.cluster.update(world.key("Cluster", "c1"), (it) => {
    const next = structuredClone(it) as KubeObject & { spec: { topology: object } };
    Object.assign(next.spec.topology, {
      controlPlane: {
        replicas: controlPlane,
        variables: { overrides: [{ name: "hostSelector", value: { rack } }] },
      },
      workers: {
        machineDeployments: [
          {
            name: "pool-a",
            class: "worker",
            replicas: 2,
            variables: { overrides: [{ name: "hostSelector", value: { rack: workerRack } }] },
          },
        ],
      },
    });
    return next;
  });
}

describe("a cluster on metal", () => {
  it("takes the hosts that its selectors match, has them written, and gives them back", () => {
    const world = metalWorld();
    askMetal(world, "a", "b");
    world.cluster.advanceUntil(() => world.isDone(), 60 * minute);
    const taken = takenBy(world);
    expect(Object.keys(taken).toSorted()).toEqual(["host-1", "host-3", "host-4"]);
    const machine = world.get("Metal3Machine", taken["host-1"] ?? "");
    expect(machine.metadata.annotations?.["metal3.io/BareMetalHost"]).toBe("lab/host-1");
    expect(machine["spec"]).toMatchObject({
      providerID: `metal3://lab/host-1/${machine.metadata.name}`,
    });
    const host = world.cluster.expect({
      kind: "BareMetalHost.metal3.io",
      namespace,
      name: "host-1",
    });
    expect(host["spec"]).toMatchObject({
      online: true,
      image: { format: "qcow2", checksumType: "sha256" },
      userData: { name: machine.metadata.name, namespace },
    });
    world.cluster.delete(world.key("Cluster", "c1"));
    world.cluster.advanceUntil(
      () => world.cluster.get(world.key("Cluster", "c1")) === undefined,
      60 * minute,
    );
    expect(takenBy(world)).toEqual({});
    for (const free of hosts(world)) {
      expect(free["spec"]).not.toHaveProperty("image");
      expect(free["status"]).toMatchObject({ provisioning: { state: "available" } });
      expect(free.metadata.labels).not.toHaveProperty("cluster.x-k8s.io/cluster-name");
    }
    expect(world.count("host-taken")).toBe(3);
    expect(world.count("host-released")).toBe(3);
  });

  it("waits for hosts that are not there, and takes them when they come", () => {
    const world = metalWorld();
    askMetal(world, "c", "b");
    world.cluster.advance(20 * minute);
    const machine = world.one("Metal3Machine");
    expect(conditionOf(machine, "AssociateBareMetalHost")).toMatchObject({
      status: "False",
      reason: "AssociateBareMetalHostFailed",
    });
    expect(takenBy(world)).toEqual({});
    const late = world.cluster.create(newHost("late", namespace, { rack: "c" }));
    world.cluster.setStatus(keyOf(late), statusOf("available", ""));
    world.cluster.advanceUntil(() => world.isDone(), 60 * minute);
    expect(Object.keys(takenBy(world))).toContain("late");
  });

  it("replaces machines when each group has a host to spare", () => {
    const world = metalWorld();
    askMetal(world, "a", "b");
    world.cluster.advanceUntil(() => world.isDone(), 60 * minute);
    const first = new Set(Object.values(takenBy(world)));
    world.edit("c1", (topology) => (topology.version = "v1.34.5"));
    const most = { a: 0, b: 0 };
    world.cluster.advanceUntil(() => {
      const taken = takenBy(world);
      const racksTaken = hosts(world)
        .filter(({ metadata }) => metadata.name in taken)
        .map(({ metadata }) => metadata.labels?.["rack"]);
      for (const rack of ["a", "b"] as const)
        most[rack] = Math.max(most[rack], racksTaken.filter((each) => each === rack).length);
      const isNew = Object.values(taken).every((name) => !first.has(name));
      return isNew && world.isDone();
    }, 120 * minute);
    expect(Object.values(takenBy(world))).toHaveLength(3);
    // The new machine has its host before the old one's is cleaned.
    expect(most).toEqual({ a: 2, b: 3 });
  });

  it("does not take an old machine away while there is no host for the new one", () => {
    const world = metalWorld();
    askMetal(world, "b", "a");
    world.cluster.advanceUntil(() => world.isDone(), 60 * minute);
    const workers = (): readonly (string | undefined)[] => [
      takenBy(world)["host-1"],
      takenBy(world)["host-2"],
    ];
    const first = workers();
    world.edit("c1", (topology) => (topology.version = "v1.34.5"));
    world.cluster.advance(120 * minute);
    expect(world.isDone()).toBe(false);
    expect(workers()).toEqual(first);
    const late = world.cluster.create(newHost("late", namespace, { rack: "a" }));
    world.cluster.setStatus(keyOf(late), statusOf("available", ""));
    world.cluster.advanceUntil(() => world.isDone(), 120 * minute);
    expect(Object.values(takenBy(world)).filter((name) => first.includes(name))).toEqual([]);
  });
});
