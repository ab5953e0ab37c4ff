import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Run } from "#contract/run.ts";
import type { RunState, StepState } from "#engine/run-state.ts";
import { plannedStep, runStateFixture, stepState } from "#test/run-fixture.ts";
import { runProgress } from "./run-progress.ts";
import { type RunViewContext, isSettled, runView } from "./run-view.ts";

const T = Date.UTC(2026, 2, 2, 8, 5);
const plan = [plannedStep("a", 1_000), plannedStep("b", 8_000), plannedStep("c", 1_000)];
const done = (name: string, startedAt: number, completedAt: number): StepState =>
  stepState(name, { status: "completed", attempts: 1, startedAt, completedAt });
const run = (steps: readonly StepState[], more: Partial<RunState> = {}): RunState => ({
  ...runStateFixture({ createdAt: T, plan, steps }),
  ...more,
});
const inB = (more: Partial<RunState> = {}, b: Partial<StepState> = {}): RunState =>
  run(
    [
      done("a", T, T + 500),
      stepState("b", { status: "running", attempts: 1, startedAt: T + 500, ...b }),
      stepState("c"),
    ],
    more,
  );
const context = (now: number): RunViewContext => ({
  now,
  engine: "embedded",
  knows: () => true,
  trouble: null,
  engineRunUrl: () => null,
});

describe("progress", () => {
  it("is the share of expected time that is done", () => {
    expect(runProgress(inB(), T + 500)).toEqual({
      percent: 10,
      step: "b",
      completed: 1,
      total: 3,
      etaAt: T + 500 + 9_000,
      overdue: false,
    });
    expect(runProgress(inB(), T + 500 + 4_000)).toMatchObject({ percent: 50, etaAt: T + 9_500 });
  });

  it("stands still where a step takes longer than expected, and says when that is too long", () => {
    expect(runProgress(inB(), T + 500 + 12_000)).toMatchObject({ percent: 86, overdue: false });
    expect(runProgress(inB(), T + 500 + 16_001)).toMatchObject({
      percent: 86,
      overdue: true,
      etaAt: null,
    });
  });

  it("neither grows nor gets late while the run is paused", () => {
    const paused = inB({ phase: "paused", pausedAt: T + 2_500 });
    expect(runProgress(paused, T + 2_500).percent).toBe(30);
    expect(runProgress(paused, T + 90_000)).toMatchObject({
      percent: 30,
      overdue: false,
      etaAt: null,
    });
  });

  it("stays where it was when the run fails, names the step that is undone, and ends at 100 only completed", () => {
    const failed = inB(
      { status: "running", phase: "undoing", undoing: { since: T + 4_500, cause: null } },
      { status: "failed", completedAt: T + 4_500, undoStartedAt: T + 4_600 },
    );
    expect(runProgress(failed, T + 60_000)).toMatchObject({
      percent: 50,
      step: "b",
      etaAt: null,
      overdue: true,
    });
    const ended = run([done("a", T, T + 1), done("b", T + 1, T + 2), done("c", T + 2, T + 3)], {
      status: "completed",
      phase: "ended",
      completedAt: T + 3,
    });
    expect(runProgress(ended, T + 3)).toMatchObject({ percent: 100, step: null, completed: 3 });
  });

  it("does not count steps that a failed run never came to", () => {
    const failed = run(
      [
        done("a", T, T + 500),
        stepState("b", { status: "failed", startedAt: T + 500, completedAt: T + 600 }),
        stepState("c", { status: "skipped" }),
      ],
      { status: "failed", phase: "ended", completedAt: T + 600 },
    );
    expect(runProgress(failed, T + 600)).toMatchObject({ completed: 1, percent: 11 });
  });

  it("never goes backwards within an attempt and stays within its bounds, whatever the times", () => {
    const steps = fc
      .array(fc.nat({ max: 600_000 }), { minLength: 1, maxLength: 9 })
      .chain((expected) =>
        fc.record({ expected: fc.constant(expected), at: fc.nat({ max: expected.length - 1 }) }),
      );
    fc.assert(
      fc.property(
        steps,
        fc.array(fc.nat({ max: 5_000_000 }), { minLength: 2 }),
        ({ expected, at }, times) => {
          const planned = expected.map((ms, index) => plannedStep(`s${index}`, ms));
          const state = runStateFixture({
            createdAt: T,
            plan: planned,
            steps: planned.map(({ name }, index) =>
              index < at
                ? done(name, T, T)
                : stepState(name, index === at ? { status: "running", startedAt: T } : {}),
            ),
          });
          const percents = times
            .toSorted((a, b) => a - b)
            .map((ms) => runProgress(state, T + ms).percent);
          expect(percents).toEqual(percents.toSorted((a, b) => a - b));
          expect(percents.every((percent) => percent >= 0 && percent <= 99)).toBe(true);
        },
      ),
    );
  });
});

describe("the view", () => {
  it("fits the contract, with input and output only where asked for", () => {
    const view = runView(inB(), null, context(T + 5_000));
    expect(Run.parse(view)).toEqual(view);
    expect(view).not.toHaveProperty("input");
    const whole = runView(inB(), { input: { x: 1 }, output: undefined }, context(T + 5_000));
    expect(whole).toMatchObject({ input: { x: 1 }, output: null });
  });

  it("counts durations to now while they last, and never below zero", () => {
    expect(runView(inB(), null, context(T + 5_000))).toMatchObject({
      durationMs: 5_000,
      steps: [{ durationMs: 500 }, { durationMs: 4_500 }, { durationMs: null }],
    });
    expect(runView(inB(), null, context(T - 5_000)).durationMs).toBe(0);
  });

  it("says of a failure whether the same request may succeed later", () => {
    const failedWith = (code: "BMC_BUSY" | "BMC_REJECTED") =>
      runView(inB({ error: { code, message: "m", step: "b" } }), null, context(T)).error;
    expect(failedWith("BMC_BUSY")).toMatchObject({ retryable: true });
    expect(failedWith("BMC_REJECTED")).toMatchObject({ retryable: false, step: "b" });
  });

  it("says when a queued run waits for a process that knows its version", () => {
    const queued = { ...run([]), phase: "queued" as const, status: "pending" as const };
    expect(runView(queued, null, context(T)).waiting).toBeNull();
    const unknown = runView(queued, null, { ...context(T), knows: () => false });
    expect(unknown.waiting?.reason).toContain("server.inspect@1");
    expect(Run.parse(unknown)).toEqual(unknown);
  });

  it("is settled once ended and nothing is being undone", () => {
    expect(isSettled({ phase: "ended", cleanup: "complete" })).toBe(true);
    expect(isSettled({ phase: "ended", cleanup: "running" })).toBe(false);
    expect(isSettled({ phase: "undoing", cleanup: "running" })).toBe(false);
  });
});
