import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { WorkflowType } from "#contract/run.ts";
import { Vm, VmAction, type VmFact, type VmLifecycleState, VmPower } from "#contract/vm.ts";
import { shownState } from "#domain/at-work.ts";
import type { Happened } from "#domain/resource-model.ts";
import { type EndKind, ends, runId } from "#domain/testing/story.ts";
import { evolve } from "./evolve.ts";
import { vmModel } from "./model.ts";
import { vmTable } from "./row.ts";
import type { VmState } from "./state.ts";
import { Story, createInput, deleteInput, power, powerInput, vmId } from "./testing/story.ts";
import { vmView } from "./view.ts";

const shown = ({ state }: Story): VmLifecycleState | null =>
  state === null ? null : shownState(state);

const failureOf = (answer: unknown): Failure => {
  expect(answer).toBeInstanceOf(Failure);
  return answer as Failure;
};

const asked = (action: VmAction): readonly [WorkflowType, unknown] =>
  action === "delete" ? ["vm.delete", deleteInput] : ["vm.power", powerInput(action)];

const broken = (action: VmAction): Story => {
  const story = new Story().being("running");
  return story.end(story.begin(...asked(action)), "pastPivot");
};

describe("admit", () => {
  it("makes the virtual machine with its first run, and once", () => {
    expect(new Story().ask("vm.create", createInput)).toMatchObject([
      { type: "vm.requested", data: { vm: vmId, spec: createInput.spec } },
      { type: "vm.run_began", data: { workflow: "vm.create", state: "creating" } },
    ]);
    const second = new Story().being("running").ask("vm.create", createInput);
    expect(failureOf(second).code).toBe("INVALID_STATE_TRANSITION");
  });

  it("takes the retry of a creation that is held", () => {
    const story = new Story();
    story.end(story.begin("vm.create", createInput), "held");
    story.begin("vm.create", createInput);
    expect(shown(story)).toBe("creating");
  });

  it("names what would be allowed", () => {
    const answer = failureOf(new Story().being("stopped").ask(...asked("pause")));
    expect(answer).toMatchObject({
      code: "INVALID_STATE_TRANSITION",
      message: `pause is not possible: vm ${vmId} is stopped; allowed are start, stop, delete`,
      details: { state: "stopped", action: "pause" },
    });
  });

  it("takes one run at a time, none inside another, and none that is not about it", () => {
    const story = new Story().being("running");
    const run = story.begin(...asked("stop"));
    expect(failureOf(story.ask(...asked("start")))).toMatchObject({
      code: "CONFLICT",
      details: { activeRunId: run },
    });
    expect(failureOf(story.ask("vm.delete", deleteInput, run)).code).toBe("CONFLICT");
    expect(failureOf(story.ask("cluster.delete", {})).code).toBe("VALIDATION_ERROR");
    expect(failureOf(new Story().ask(...asked("start"))).code).toBe("NOT_FOUND");
  });

  const stories: Readonly<Record<string, () => Story>> = {
    ...Object.fromEntries(
      VmPower.options.map((now) => [now, () => new Story().being(now)] as const),
    ),
    "power failed": () => broken("stop"),
    "deletion failed": () => broken("delete"),
    "creation left incomplete": () => {
      const story = new Story();
      const run = story.begin("vm.create", createInput);
      return story.end(run, "held", { cleanup: "incomplete" });
    },
    deleted: () => {
      const story = new Story().being("paused");
      const run = story.begin("vm.delete", deleteInput);
      return story
        .happened(run, { type: "vm.deleted", data: { disksKept: false } })
        .end(run, "completed");
    },
  };
  it.each(Object.keys(stories))("takes what is offered, and nothing else: %s", (name) => {
    const { state } = stories[name]!();
    const admitted = VmAction.options.filter(
      (action) => !(stories[name]!().ask(...asked(action)) instanceof Failure),
    );
    expect(vmView(state!).actions.toSorted()).toEqual(admitted.toSorted());
    expect(admitted.includes("delete")).toBe(name !== "deleted");
  });
});

describe("a run's end leaves the virtual machine", () => {
  const cases: readonly {
    readonly run: readonly [WorkflowType, unknown];
    readonly during: VmLifecycleState;
    readonly end: EndKind;
    readonly after: VmLifecycleState | null;
  }[] = [
    { run: ["vm.create", createInput], during: "creating", end: "undone", after: null },
    { run: ["vm.create", createInput], during: "creating", end: "held", after: "error" },
    { run: asked("pause"), during: "running", end: "cancelled", after: "running" },
    { run: asked("pause"), during: "running", end: "pastPivot", after: "error" },
    { run: asked("delete"), during: "deleting", end: "undone", after: "running" },
    { run: asked("delete"), during: "deleting", end: "pastPivot", after: "error" },
  ];
  it.each(cases)("$run.0, $during, $end: $after", ({ run, during, end, after }) => {
    const story = run[0] === "vm.create" ? new Story() : new Story().being("running");
    const id = story.begin(...run);
    expect(shown(story)).toBe(during);
    story.end(id, end);
    expect(shown(story)).toBe(after);
  });

  it("as its facts say when it completes", () => {
    const story = new Story().being("stopped");
    story.happened(story.begin(...asked("start")), power("running")).end(runId(2), "completed");
    expect(vmView(story.state!)).toMatchObject({ state: "running", node: "worker-3" });
    story.happened(null, { type: "vm.restarted", data: { node: "worker-4", addresses: ["a"] } });
    expect(vmView(story.state!)).toMatchObject({ node: "worker-4", addresses: ["a"] });
  });

  it("stopped when it was created so, and nothing more exact was seen", () => {
    const story = new Story();
    const spec = { ...createInput.spec, running: false };
    const run = story.begin("vm.create", { ...createInput, spec });
    story.happened(run, { type: "vm.created", data: {} }).end(run, "completed");
    expect(shown(story)).toBe("stopped");
  });

  it("sound again as soon as it is seen what it is", () => {
    const story = broken("stop");
    const run = story.begin(...asked("stop"));
    story.happened(run, power("stopped")).end(run, "completed");
    expect(shown(story)).toBe("stopped");
  });

  it("deleted when the deletion is abandoned past its pivot, and deletable when its creation is", () => {
    const story = broken("delete");
    story.end(runId(2), "pastPivot", { abandoned: true });
    expect(shown(story)).toBe("deleted");
    expect(vmModel.isRetired?.(story.state!)).toBe(true);
    const other = new Story();
    const run = other.begin("vm.create", createInput);
    other.end(run, "held").end(run, "held", { abandoned: true });
    expect(vmView(other.state!)).toMatchObject({ state: "error", actions: ["delete"] });
    const third = broken("stop");
    expect(shown(third.end(runId(2), "pastPivot", { abandoned: true }))).toBe("running");
  });
});

const spare = runId(99);
const anyFact = fc.constantFrom<VmFact>(
  { type: "vm.requested", data: { ...createInput, vm: vmId } },
  { type: "vm.creation_undone", data: {} },
  { type: "vm.created", data: {} },
  power("running"),
  power("stopped"),
  power("paused"),
  { type: "vm.restarted", data: { node: null, addresses: [] } },
  { type: "vm.problems_seen", data: { problems: [] } },
  { type: "vm.deleted", data: { disksKept: true } },
  {
    type: "vm.run_began",
    data: { run: spare, workflow: "vm.power", action: "stop", state: null },
  },
  { type: "vm.run_ended", data: { run: spare, status: "cancelled", error: null } },
  {
    type: "vm.run_ended",
    data: {
      run: spare,
      status: "failed",
      error: { code: "STEP_TIMEOUT", message: "too slow", restorable: false },
    },
  },
);

const fold = (start: VmState | null, told: readonly VmFact[]): VmState | null =>
  told.reduce<VmState | null>(
    (state, fact, index) => evolve(state, { ...fact, at: 2_000_000_000_000 + index, run: null }),
    start,
  );

describe("whatever happens", () => {
  it("there is a virtual machine that can be shown and kept, or none; a deleted one stays so", () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 30 }), fc.boolean(), (told, isThere) => {
        const vm = fold(isThere ? new Story().being("running").state : null, told);
        if (vm === null) return;
        expect(Vm.safeParse(vmView(vm)).error).toBeUndefined();
        expect(JSON.stringify(vmView(vm))).not.toContain("sec_");
        const row = JSON.parse(JSON.stringify(vmTable.toColumns(vm))) as object;
        expect(vmTable.fromRow({ ...row })).toEqual(JSON.parse(JSON.stringify(vm)));
        const later = fold(fold(vm, [{ type: "vm.deleted", data: { disksKept: false } }]), told);
        expect(later?.rest).toEqual({ state: "deleted" });
      }),
    );
  });

  it("a run that ends without effect gives back what showed before", () => {
    const steps = fc.array(
      fc.tuple(
        fc.constantFrom(...VmAction.options),
        fc.constantFrom<EndKind>("undone", "pastPivot"),
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...VmPower.options), steps, (now, told) => {
        const story = new Story().being(now);
        for (const [action, end] of told) {
          if (story.ask(...asked(action)) instanceof Failure) continue;
          const before = shown(story);
          story.end(story.begin(...asked(action)), end);
          expect(shown(story)).toBe(end === "undone" ? before : "error");
        }
      }),
    );
  });

  it("every end that there is can be settled, told again, and abandoned", () => {
    for (const kind of Object.keys(ends) as EndKind[])
      for (const action of VmAction.options) {
        const story = new Story().being("running");
        const run = story.begin(...asked(action));
        story.end(run, kind).end(run, kind).end(run, kind, { abandoned: true });
        expect(Vm.safeParse(vmView(story.state!)).error).toBeUndefined();
      }
  });

  it("facts of a later version change nothing", () => {
    const story = new Story().being("running");
    const later = { type: "vm.painted", data: {}, at: 1, run: null };
    expect(evolve(story.state, later as unknown as Happened<VmFact>)).toEqual({
      ...story.state,
      updatedAt: 1,
    });
  });
});
