import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { clusterId, spec } from "#domain/cluster/testing/story.ts";
import { clusterScale } from "./scale.ts";

const well = { desired: 5, replicas: 5, available: 5, upToDate: 5, versions: [], busy: false };
const seen = {
  observed: true,
  reconciled: true,
  paused: false,
  // Another pool has a broken node.
  settled: false,
  changing: true,
  controlPlane: well,
  nodePools: [
    { name: "workers", ...well },
    { name: "others", ...well, available: 4, busy: true },
  ],
  summary: "Remediating: others",
  problems: [],
};

/** Plays a step of a scaling of `workers` to 5 on a cluster that looks so. */
const play = (name: string, state: object): unknown => {
  const step = clusterScale.steps.find((each) => each.name === name)!;
  const context = {
    input: { clusterId, nodePool: "workers", nodeCount: 5 },
    resource: { id: clusterId, spec, problems: [] },
    ports: {
      clusters: { "cluster-api": { read: async () => state, checkScale: async () => undefined } },
    },
    fact: () => undefined,
    now: () => 0,
    pace: 1,
  };
  return step.run(context as unknown as Parameters<typeof step.run>[0]);
};

describe("the nodes of a scaling", () => {
  it("are there when their own pool is whole, whatever another pool lacks", async () => {
    expect(await play("await-nodes", seen)).toBeUndefined();
  });

  it.each([
    ["the operator has not looked at the change", { ...seen, observed: false }],
    ["the topology is not carried out", { ...seen, reconciled: false }],
    [
      "the pool has another number",
      lookingLike({ desired: 4, replicas: 4, available: 4, upToDate: 4 }),
    ],
    ["one is not there", lookingLike({ replicas: 4 })],
    ["one too many is there", lookingLike({ replicas: 6 })],
    ["one is not available", lookingLike({ available: 4 })],
    ["one is of an older wish", lookingLike({ upToDate: 4 })],
    ["the pool is still busy", lookingLike({ busy: true })],
    ["there is no such pool", { ...seen, nodePools: [] }],
  ])("are waited for while %s", async (_what, state) => {
    expect(await play("await-nodes", state)).toMatchObject({ kind: "wait" });
  });
});

function lookingLike(more: object): object {
  return { ...seen, nodePools: [{ name: "workers", ...well, ...more }] };
}

describe("a paused cluster", () => {
  const paused = { ...seen, paused: true, observed: false };

  it("is refused before anything is taken", async () => {
    await expect(play("validate", paused)).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringMatching(/prod is paused.*unpause/) as string,
      details: { reason: "paused" },
    });
    expect(await play("validate", seen)).toEqual({ before: 2 });
  });

  it("says so in a wait, though its operator has not looked at the change", async () => {
    expect(await play("await-nodes", paused)).toMatchObject({
      kind: "wait",
      reason: expect.stringContaining("the cluster is paused") as string,
    });
  });
});

/** Undoes `apply-scale` on a cluster whose number cannot be set back. */
const undo = (refusal: Failure): unknown => {
  const step = clusterScale.steps.find(({ name }) => name === "apply-scale")!;
  if (typeof step.undo !== "function") throw new Error("the step has no undo");
  const context = {
    input: { clusterId, nodePool: "workers", nodeCount: 5 },
    resource: { id: clusterId, spec, problems: [] },
    prior: { validate: { before: 3 } },
    run: { id: "run_1" },
    ports: {
      clusters: {
        "cluster-api": { read: async () => ({}), scale: () => Promise.reject(refusal) },
      },
    },
  };
  return step.undo(context as unknown as Parameters<typeof step.undo>[0]);
};

describe("a scaling that is taken back", () => {
  it("leaves a number that somebody else has come to set", async () => {
    for (const reason of ["FieldManagerConflict", "autoscaled"]) {
      const refusal = new Failure("CONFLICT", "argocd sets it", { details: { reason } });
      expect(await undo(refusal)).toBeUndefined();
    }
  });

  it("is not done while the number cannot be set back for another reason", async () => {
    for (const refusal of [
      new Failure("CONFLICT", "it is not ours", { details: { reason: "foreign" } }),
      new Failure("KUBERNETES_UNAVAILABLE", "it is away"),
    ])
      await expect(undo(refusal)).rejects.toBe(refusal);
  });
});
