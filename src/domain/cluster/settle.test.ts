import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cluster, type ClusterFact, type ClusterLifecycleState } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { WorkflowType } from "#contract/run.ts";
import { shownState } from "#domain/at-work.ts";
import type { Happened } from "#domain/resource-model.ts";
import { type EndKind, ends, idBody, runId } from "#domain/testing/story.ts";
import { evolve } from "./evolve.ts";
import { clusterModel } from "./model.ts";
import { clusterTable } from "./row.ts";
import type { ClusterState } from "./state.ts";
import {
  Story,
  clusterId,
  createInput,
  deleteInput,
  facts,
  scaleInput,
  upgradeInput,
} from "./testing/story.ts";
import { clusterView } from "./view.ts";

const shown = ({ state }: Story): ClusterLifecycleState | null =>
  state === null ? null : shownState(state);

const requests: readonly (readonly [WorkflowType, unknown])[] = [
  ["cluster.create", createInput],
  ["cluster.scale", scaleInput()],
  ["cluster.upgrade", upgradeInput()],
  ["cluster.delete", deleteInput],
];
const [create, scale, upgrade, remove] = requests as readonly [
  readonly [WorkflowType, unknown],
  readonly [WorkflowType, unknown],
  readonly [WorkflowType, unknown],
  readonly [WorkflowType, unknown],
];

describe("a run's end leaves the cluster", () => {
  const cases: readonly {
    readonly run: readonly [WorkflowType, unknown];
    readonly during: ClusterLifecycleState;
    readonly end: EndKind;
    readonly after: ClusterLifecycleState | null;
  }[] = [
    { run: create, during: "creating", end: "undone", after: null },
    { run: create, during: "creating", end: "cancelled", after: null },
    { run: create, during: "creating", end: "held", after: "error" },
    { run: scale, during: "scaling", end: "undone", after: "running" },
    { run: scale, during: "scaling", end: "held", after: "error" },
    { run: upgrade, during: "upgrading", end: "cancelled", after: "running" },
    { run: upgrade, during: "upgrading", end: "pastPivot", after: "error" },
    { run: remove, during: "deleting", end: "undone", after: "running" },
    { run: remove, during: "deleting", end: "pastPivot", after: "error" },
  ];

  it.each(cases)("$run.0, $during, $end: $after", ({ run, during, end, after }) => {
    const story = run === create ? new Story() : new Story().running();
    const id = story.begin(...run);
    expect(shown(story)).toBe(during);
    story.end(id, end);
    expect(shown(story)).toBe(after);
    expect(story.state?.runs ?? []).toEqual([]);
  });

  it("in error when its creation is abandoned while it is being undone, from where it can be deleted", () => {
    const story = new Story();
    const run = story.begin(...create);
    const { status, attention, error } = ends.held;
    const end = {
      run,
      workflow: "cluster.create",
      abandoned: true,
      cleanup: "incomplete",
    } as const;
    for (const fact of clusterModel.settle(story.state, { ...end, status, attention, error }))
      story.happened(run, fact);
    expect(shown(story)).toBe("error");
    expect(story.state === null ? [] : clusterView(story.state).actions).toEqual(["delete"]);
  });

  it("with its name while something of a held creation is left, and free to take another after that", () => {
    const held = new Story();
    held.end(held.begin(...create), "held");
    const renamed = { ...createInput, spec: { ...createInput.spec, name: "other" } };
    expect(held.ask("cluster.create", renamed)).toMatchObject({
      code: "VALIDATION_ERROR",
      details: { fields: { name: expect.stringContaining("first try") } },
    });
    const undone = new Story();
    undone.end(undone.begin(...create), "undone");
    expect(undone.ask("cluster.create", renamed)).toBeInstanceOf(Array);
  });

  it("with what its facts say when it completes", () => {
    const story = new Story().running();
    story.happened(story.begin(...scale), facts.scaled).end(runId(2), "completed");
    story.happened(story.begin(...upgrade), facts.upgraded).end(runId(3), "completed");
    expect(clusterView(story.state!)).toMatchObject({
      state: "running",
      kubernetesVersion: "v1.35.0",
      nodePools: [{ name: "workers", nodeCount: 4 }],
      endpoint: "192.0.2.20:6443",
      hasKubeconfig: true,
    });
    story.happened(story.begin(...remove), facts.deleted).end(runId(4), "completed");
    expect(clusterView(story.state!)).toMatchObject({
      state: "deleted",
      endpoint: null,
      hasKubeconfig: false,
    });
    expect(clusterModel.isRetired?.(story.state!)).toBe(true);
    // A row that was written when the deletion still left it.
    const old = { ...story.state!, endpoint: "192.0.2.20:6443" };
    expect(clusterView(old)).toMatchObject({ state: "deleted", endpoint: null });
  });
});

describe("error", () => {
  it("is left by the same change made again", () => {
    const story = new Story().running();
    story.end(story.begin(...upgrade), "pastPivot");
    const again = story.begin(...upgrade);
    story.happened(again, facts.upgraded).end(again, "completed");
    expect(shown(story)).toBe("running");
  });

  it("is left by its run's undo, to what was before", () => {
    const story = new Story().running();
    const run = story.begin(...scale);
    story.end(run, "held").end(run, "undone");
    expect(shown(story)).toBe("running");
    const first = new Story();
    const creation = first.begin(...create);
    first.end(creation, "held").end(creation, "undone");
    expect(first.state).toBeNull();
  });

  it("stays when a creation or an upgrade is abandoned, with a way out and nobody holding it", () => {
    const story = new Story();
    const creation = story.begin(...create);
    story.end(creation, "held").end(creation, "held", { abandoned: true });
    expect(clusterView(story.state!)).toMatchObject({
      state: "error",
      actions: ["delete"],
      activeRunId: null,
    });
    const other = new Story().running();
    const run = other.begin(...upgrade);
    other.end(run, "pastPivot").end(run, "pastPivot", { abandoned: true });
    expect(clusterView(other.state!)).toMatchObject({
      state: "error",
      actions: ["upgrade", "delete"],
    });
  });

  it("ends with the cluster when its deletion is abandoned past the pivot", () => {
    const story = new Story().running();
    const run = story.begin(...remove);
    story.happened(run, {
      type: "cluster.servers_allocated",
      data: { servers: [server] },
    });
    story.end(run, "pastPivot").end(run, "pastPivot", { abandoned: true });
    expect(shown(story)).toBe("deleted");
    // They are given back as those of any cluster that is no more.
    expect(clusterView(story.state!).servers).toEqual([]);
  });
});

const spare = runId(99);
const error = { code: "STEP_TIMEOUT", message: "too slow", restorable: true } as const;
const server = { server: `srv_${idBody(1)}`, pool: `pool_${idBody(1)}`, group: "workers" };
const anyFact = fc.constantFrom<ClusterFact>(
  ...Object.values(facts),
  { type: "cluster.requested", data: { ...createInput, cluster: clusterId } },
  { type: "cluster.creation_undone", data: {} },
  { type: "cluster.servers_allocated", data: { servers: [server] } },
  { type: "cluster.servers_released", data: { servers: [server.server] } },
  {
    type: "cluster.problems_seen",
    data: { problems: [{ source: "Cluster/prod", reason: "Slow", message: "it takes long" }] },
  },
  { type: "cluster.kubeconfig_removed", data: {} },
  { type: "cluster.kubeconfig_read", data: {} },
  { type: "cluster.updated", data: { protected: true } },
  {
    type: "cluster.run_began",
    data: { run: spare, workflow: "cluster.scale", state: "scaling" },
  },
  { type: "cluster.run_ended", data: { run: spare, status: "completed", error: null } },
  { type: "cluster.run_ended", data: { run: spare, status: "failed", error } },
);

const fold = (start: ClusterState | null, told: readonly ClusterFact[]): ClusterState | null =>
  told.reduce<ClusterState | null>(
    (state, fact, index) => evolve(state, { ...fact, at: 2_000_000_000_000 + index, run: null }),
    start,
  );

describe("whatever happens", () => {
  it("there is a cluster that can be shown and kept, or none", () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 30 }), fc.boolean(), (told, isThere) => {
        const cluster = fold(isThere ? new Story().running().state : null, told);
        if (cluster === null) return;
        expect(Cluster.safeParse(clusterView(cluster)).error).toBeUndefined();
        const row = JSON.parse(JSON.stringify(clusterTable.toColumns(cluster))) as object;
        expect(clusterTable.fromRow({ ...row })).toEqual(JSON.parse(JSON.stringify(cluster)));
      }),
    );
  });

  it("a cluster that is deleted stays deleted", () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 20 }), (told) => {
        const deleted = fold(new Story().running().state, [facts.deleted]);
        const after = fold(deleted, told);
        if (after !== null) expect(after.rest).toEqual({ state: "deleted" });
      }),
    );
  });

  it("a run that ends without effect gives back what showed before", () => {
    const history = fc.array(
      fc.tuple(fc.nat(3), fc.constantFrom<EndKind>("completed", "undone", "pastPivot", "held")),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(history, fc.nat(3), (past, last) => {
        const story = new Story().running();
        for (const [which, end] of past) {
          const answer = story.ask(...requests[which]!);
          // A held run is in the way of all others: who admits knows the lock, not this model alone.
          if (!(answer instanceof Failure)) story.end(story.begin(...requests[which]!), end);
        }
        const before = story.state;
        if (before === null || story.ask(...requests[last]!) instanceof Failure) return;
        const run = story.begin(...requests[last]!);
        if (requests[last]![0] === "cluster.create") return;
        story.end(run, "undone");
        expect(story.state?.runs).toEqual([]);
        expect(shownState(story.state!)).toBe(shownState(before));
        expect(story.state?.spec).toEqual(before.spec);
      }),
    );
  });

  it("every end that there is can be settled, told again, and abandoned", () => {
    for (const [workflow, input] of requests)
      for (const kind of Object.keys(ends) as EndKind[]) {
        const story = workflow === "cluster.create" ? new Story() : new Story().running();
        const run = story.begin(workflow, input);
        story.end(run, kind).end(run, kind).end(run, kind, { abandoned: true });
        if (story.state !== null)
          expect(Cluster.safeParse(clusterView(story.state)).error).toBeUndefined();
      }
  });

  it("facts of a later version change nothing", () => {
    const story = new Story().running();
    const later = { type: "cluster.painted", data: {}, at: 1, run: null };
    const after = evolve(story.state, later as unknown as Happened<ClusterFact>);
    expect(after).toEqual({ ...story.state, updatedAt: 1 });
  });
});

it("shows no reference to a secret", () => {
  expect(JSON.stringify(clusterView(new Story().running().state!))).not.toContain("sec_");
});
