import { expect, test } from "vitest";
import { fleetProblems } from "#bench/fleet-checks.ts";
import type { LabCluster } from "#bench/fleet-lab.ts";
import { measureFleet } from "#bench/fleet.ts";

/** The benchmark `fleet` at its smallest: that it measures, and that it would see a fleet that is not as it must be. */

test("a small fleet is created at once, one of it is called back, and the world is as the runs say", async () => {
  const { floor, results } = await measureFleet({ size: 4, speed: 200, progress: () => undefined });
  expect(floor.wholeMs).toHaveLength(4);
  for (const { measured } of results) {
    expect(measured.problems).toEqual([]);
    expect(measured.ours.runs).toHaveLength(4);
    const asked = measured.ours.requests.find(
      ({ verb, resource }) => verb === "create" && resource === "clusters.cluster.x-k8s.io",
    );
    // Each is tried out before it is written; the one that was called back may have been stopped before.
    expect(asked?.count).toBeGreaterThanOrEqual(6);
    expect(asked?.count).toBeLessThanOrEqual(8);
  }
});

const times = { requestedAt: 0, endedAt: 1 };
const lastTransitionTime = new Date(0);

const whole = (name: string): LabCluster => ({
  metadata: {
    name,
    namespace: "default",
    uid: name,
    resourceVersion: "1",
    labels: {},
    annotations: {},
    finalizers: [],
    ownerReferences: [],
  },
  status: {
    conditions: [
      ["Available", "True"],
      ["TopologyReconciled", "True"],
      ["RollingOut", "False"],
      ["ScalingUp", "False"],
    ].map(([type = "", status = ""]) => ({ type, status, lastTransitionTime })),
    controlPlane: { readyReplicas: 1 },
    workers: { readyReplicas: 1, desiredReplicas: 1 },
  },
});

test("what is missing, left behind or done twice is told", () => {
  const runs = [
    { run: "run_1", name: "fleet-1x", status: "completed", ...times },
    { run: "run_2", name: "fleet-2x", status: "cancelled", ...times },
  ];
  const ended = { runs, cancelled: new Set(["run_2"]), leftOpen: 0 };
  const written = { target: "Cluster/default/fleet-1x", action: "create", key: "run_1/apply" };
  const truth = {
    clusters: [whole("fleet-1x")],
    effects: [written],
    objects: ["Cluster a/fleet-1x"],
  };
  const names = ["fleet-1x", "fleet-2x"];
  expect(fleetProblems(names, ended, truth)).toEqual([]);
  expect(fleetProblems(names, { ...ended, leftOpen: 2 }, truth)).toEqual([
    "2 locks or places in the schedule are left",
  ]);
  expect(fleetProblems(names, { ...ended, cancelled: new Set() }, truth)).toContain(
    "fleet-2x is cancelled and not completed",
  );
  expect(fleetProblems([...names, "fleet-3x"], ended, truth)).toContain(
    "3 runs were accepted, 2 are there",
  );
  const left = { ...truth, objects: ["Machine default/fleet-2x-abc"] };
  expect(fleetProblems(names, ended, left)).toEqual([
    "Machine default/fleet-2x-abc was left behind",
  ]);
  expect(fleetProblems(names, ended, { ...truth, effects: [written, written] })).toEqual([
    "create of Cluster/default/fleet-1x by run_1/apply, 2 times",
    "create of Cluster/default/fleet-1x, 2 times",
  ]);
  expect(fleetProblems(names, ended, { ...truth, clusters: [], effects: [] })).toEqual([
    "1 clusters should be whole, 0 are",
    "fleet-1x was never written",
  ]);
});
