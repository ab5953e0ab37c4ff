import { describe, expect, it } from "vitest";
import { ClusterAction, ClusterLifecycleState } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { WorkflowType } from "#contract/run.ts";
import { runId } from "#domain/testing/story.ts";
import { allowedActions } from "./can.ts";
import {
  Story,
  clusterId,
  createInput,
  deleteInput,
  facts,
  scaleInput,
  spec,
  upgradeInput,
} from "./testing/story.ts";
import { upgradeProblem } from "./upgrade-path.ts";
import { clusterView } from "./view.ts";

const failureOf = (answer: unknown): Failure => {
  expect(answer).toBeInstanceOf(Failure);
  return answer as Failure;
};

const asked: Readonly<Record<ClusterAction, readonly [WorkflowType, unknown]>> = {
  scale: ["cluster.scale", scaleInput()],
  upgrade: ["cluster.upgrade", upgradeInput()],
  delete: ["cluster.delete", deleteInput],
};

describe("admit", () => {
  it("makes the cluster with its first run", () => {
    expect(new Story().ask("cluster.create", createInput)).toMatchObject([
      { type: "cluster.requested", data: { cluster: clusterId, spec } },
      { type: "cluster.run_began", data: { workflow: "cluster.create", state: "creating" } },
    ]);
  });

  it("refuses a second creation of a cluster that is there, but not the retry of a held one", () => {
    const second = new Story().running().ask("cluster.create", createInput);
    expect(failureOf(second)).toMatchObject({
      code: "INVALID_STATE_TRANSITION",
      details: { clusterId, state: "running" },
    });
    const story = new Story();
    story.end(story.begin("cluster.create", createInput), "held");
    const edited = { ...createInput, spec: { ...spec, kubernetesVersion: "v1.34.3" } };
    story.begin("cluster.create", edited);
    expect(story.state?.spec.kubernetesVersion).toBe("v1.34.3");
  });

  it("takes the same count again, and none at all", () => {
    for (const count of [2, 0])
      expect(new Story().running().ask("cluster.scale", scaleInput(count))).toHaveLength(1);
  });

  it("refuses a node pool that is not there, naming those that are", () => {
    const answer = failureOf(new Story().running().ask("cluster.scale", scaleInput(1, "gpus")));
    expect(answer).toMatchObject({
      code: "VALIDATION_ERROR",
      details: { fields: { nodePool: "must be one of workers" } },
    });
  });

  it("refuses versions that cannot follow", () => {
    const story = new Story().running();
    for (const version of ["v1.34.2", "v1.33.9", "v1.36.0", "v2.0.0", "v1.34.1"]) {
      const answer = failureOf(story.ask("cluster.upgrade", upgradeInput(version)));
      expect(answer.code, version).toBe("INVALID_STATE_TRANSITION");
      expect(answer.details).toMatchObject({ kubernetesVersion: "v1.34.2", asked: version });
    }
    expect(story.ask("cluster.upgrade", upgradeInput("v1.34.3"))).toHaveLength(1);
  });

  it("says how a protected cluster can be deleted", () => {
    const story = new Story().running();
    story.happened(null, { type: "cluster.updated", data: { protected: true } });
    expect(failureOf(story.ask("cluster.delete", deleteInput))).toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining('{ "protected": false }') as string,
    });
    story.happened(null, { type: "cluster.updated", data: { protected: false } });
    expect(story.ask("cluster.delete", deleteInput)).toHaveLength(1);
  });

  it("takes one run at a time, and none inside another", () => {
    const story = new Story().running();
    const run = story.begin("cluster.scale", scaleInput());
    expect(failureOf(story.ask("cluster.delete", deleteInput))).toMatchObject({
      code: "CONFLICT",
      details: { activeRunId: run },
    });
    expect(failureOf(story.ask("cluster.upgrade", upgradeInput(), run)).code).toBe("CONFLICT");
  });

  it("refuses what is not about a cluster, has not its form, or is about none", () => {
    const story = new Story().running();
    expect(failureOf(story.ask("vm.delete", {})).code).toBe("VALIDATION_ERROR");
    expect(failureOf(story.ask("cluster.scale", { clusterId }))).toMatchObject({
      details: { fields: { nodePool: expect.any(String) as string } },
    });
    expect(failureOf(new Story().ask("cluster.delete", deleteInput)).code).toBe("NOT_FOUND");
  });
});

describe("what is offered", () => {
  const stories: Readonly<Record<string, () => Story>> = {
    running: () => new Story().running(),
    protected: () =>
      new Story().running().happened(null, { type: "cluster.updated", data: { protected: true } }),
    scaling: () => begun("cluster.scale", scaleInput()),
    "scaling left incomplete": () => left("cluster.scale", scaleInput(), "incomplete"),
    "upgrade failed": () => left("cluster.upgrade", upgradeInput(), "none"),
    "deletion failed": () => left("cluster.delete", deleteInput, "none"),
    "creation left incomplete": () => {
      const story = new Story();
      const run = story.begin("cluster.create", createInput);
      return story.end(run, "held", { cleanup: "incomplete" });
    },
    deleted: () => {
      const story = new Story().running();
      const run = story.begin("cluster.delete", deleteInput);
      return story.happened(run, facts.deleted).end(run, "completed");
    },
  };
  function begun(workflow: WorkflowType, input: unknown): Story {
    const story = new Story().running();
    story.begin(workflow, input);
    return story;
  }
  function left(workflow: WorkflowType, input: unknown, cleanup: "none" | "incomplete"): Story {
    const story = new Story().running();
    return story.end(story.begin(workflow, input), "pastPivot", { cleanup });
  }

  it.each(Object.keys(stories))("is what is admitted: %s", (name) => {
    const story = stories[name]!();
    const { actions } = clusterView(story.state!);
    const admitted = ClusterAction.options.filter(
      (action) => !(story.ask(...asked[action]) instanceof Failure),
    );
    expect(actions).toEqual(admitted);
    expect(allowedActions(story.state!)).toEqual(admitted);
  });

  it("is more than nothing wherever there is still a cluster and nobody at work", () => {
    for (const [name, tell] of Object.entries(stories)) {
      const { state, actions } = clusterView(tell().state!);
      const isClosed = ["scaling", "deleted"].includes(name);
      expect(actions.length > 0, name).toBe(!isClosed);
      expect(ClusterLifecycleState.options).toContain(state);
    }
  });

  it("is nothing while a run is held", () => {
    const story = new Story();
    const run = story.begin("cluster.create", createInput);
    story.end(run, "held");
    expect(clusterView(story.state!)).toMatchObject({
      state: "error",
      actions: [],
      activeRunId: runId(1),
    });
  });
});

it("compares versions by their numbers, and leaves builds to who offers them", () => {
  expect(upgradeProblem("v1.9.0", "v1.10.0")).toBeNull();
  expect(upgradeProblem("v1.34.2+k0s.0", "v1.34.2+k0s.1")).toBeNull();
  expect(upgradeProblem("v1.34.2", "v1.34.10")).toBeNull();
  expect(upgradeProblem("v1.34.2", "v1.36.0")).toContain("v1.35 first");
  expect(upgradeProblem("v1.34.2", "v1.34.1")).toContain("older");
  expect(upgradeProblem("v1.34.2", "v1.34.2")).toContain("already");
  expect(upgradeProblem("latest", "v1.34.2")).toContain("cannot be compared");
});
