import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { clusterId, spec } from "#domain/cluster/testing/story.ts";
import { clusterScale } from "./scale.ts";

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
